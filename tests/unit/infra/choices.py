"""Settings of a stack on AWS, to change one value of."""

import copy
from typing import Any

import yaml

from infra.errors import SettingsError
from infra.settings import reader, stack_file


def of_stack(stack: str) -> dict[str, Any]:
    """Return the choices of a stack file, by key without the project's prefix; the caller may change them."""
    content = yaml.safe_load(stack_file.path(stack).read_text())["config"]
    return {key.partition(":")[2]: value for key, value in copy.deepcopy(content).items()}


def changed(values: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """Return the choices with the value at a dotted path; None takes the key away."""
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
    """Return the error of choices that must not be accepted."""
    try:
        reader.parse(values)
    except SettingsError as error:
        return str(error)
    raise AssertionError("the choices were accepted")
