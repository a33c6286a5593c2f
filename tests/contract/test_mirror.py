"""Unit tests mirror the tree, and pytest collects every test."""

import ast
import re
from pathlib import Path

import pytest

from tests.contract import repository

# Data and programs of an image are tested in the image.
_BUILT_INTO_IMAGES = re.compile(r"^images/[^/]+/")
_VAGUE = {"utils", "common", "helpers", "misc", "base", "core"}


def _does_something(file: Path) -> bool:
    """Return whether the module holds a function: exceptions, protocols and records alone need no test."""
    tree = ast.parse(repository.text(file))
    classes = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    protocols = [node for node in classes if any("Protocol" in ast.dump(base) for base in node.bases)]
    ignored = {inner for protocol in protocols for inner in ast.walk(protocol)}
    return any(isinstance(node, ast.FunctionDef) and node not in ignored for node in ast.walk(tree))


@pytest.mark.parametrize("package", repository.PACKAGES)
def test_every_module_has_its_test(package: str) -> None:
    missing = [
        str(file)
        for file in repository.modules(package)
        if not _BUILT_INTO_IMAGES.match(str(file)) and file.name != "prepare.py" and _does_something(file)
        if not (repository.ROOT / "tests/unit" / file.parent / f"test_{file.name}").is_file()
    ]
    assert not missing, f"no tests/unit/.../test_<module>.py for: {', '.join(missing)}"


def test_every_test_is_collected() -> None:
    for file in repository.modules("tests"):
        tree = ast.parse(repository.text(file))
        tests = [
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
            if node.name.startswith(("test_", "Test"))
        ]
        if file.name.startswith("test_"):
            assert tests, f"{file} holds no test"
        else:
            assert not tests, (
                f"{file} holds {tests[0]}, which pytest does not collect: its name must begin with test_"
            )


def test_names_say_what_exists() -> None:
    vague = [str(file) for file in repository.files() if file.stem in _VAGUE or _VAGUE & set(file.parts)]
    assert not vague


@pytest.mark.parametrize(("limit", "suffix"), [(400, ".py")])
def test_modules_stay_readable(limit: int, suffix: str) -> None:
    long = {
        str(file): lines
        for file in repository.files()
        if file.suffix == suffix and (lines := repository.text(file).count("\n")) > limit
    }
    assert not long, f"more than {limit} lines: {long}"


def test_only_wait_modules_sleep() -> None:
    # They run as one text, copied out of their modules, so they cannot import a wait.
    exceptions = {
        Path("workloads/steps/smoke.py"),
        Path("workloads/steps/rolling_out.py"),
        Path("workloads/distributed/node.py"),
    }
    for file in repository.files():
        if file.suffix != ".py" or file.name in {"wait.py", "test_wait.py"} or file in exceptions:
            continue
        calls = [node for node in ast.walk(ast.parse(repository.text(file))) if isinstance(node, ast.Call)]
        sleeping = [
            call.lineno
            for call in calls
            if isinstance(call.func, ast.Attribute) and call.func.attr == "sleep"
        ]
        assert not sleeping, f"{file}:{sleeping[0]} sleeps: wait for a state, in a wait.py"
