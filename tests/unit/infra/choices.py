"""Values of stack files, for tests that change one of them."""

import copy
from typing import Any

import yaml

from infra.errors import SettingsError
from infra.settings import reader, stack_file


def of_stack(stack: str) -> dict[str, Any]:
    """Return a copy of a stack file's values; keys have no project prefix."""
    content = yaml.safe_load(stack_file.path(stack).read_text())["config"]
    return {key.partition(":")[2]: value for key, value in copy.deepcopy(content).items()}


def changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return a copy of the values with another value at a dotted path; None removes the key."""
    values = copy.deepcopy(values)
    *parents, last = path.split(".")
    inner: Any = values
    for part in parents:
        inner = inner[int(part)] if part.isdigit() else inner.setdefault(part, {})
    if value is None:
        inner.pop(last)
    else:
        inner[last] = value
    return values


def problem(values: dict[str, Any]) -> str:
    """Return the error that the values must cause."""
    try:
        reader.parse(values)
    except SettingsError as error:
        return str(error)
    raise AssertionError("the values were accepted")
