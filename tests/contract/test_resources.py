"""No change of the code's layout may replace a resource: every stack registers what was recorded."""

import re
import sys
from pathlib import Path

import pytest

from tests.contract.test_stacks import STACKS, deployed
from tests.fixtures.recorder import Registration

RECORDED = Path(__file__).with_name("resources")
# Old line -> new line of what was renamed or moved on purpose; each carries an alias of its old URN.
RENAMED: dict[str, str] = {}
# A serving runtime is named after its content: another image is another runtime, made before the old one
# is deleted.
_CONTENT = re.compile(r"(?<= kserve-runtime-mlflow-)[0-9a-f]{8}\b")


def _short(urn: str) -> str:
    """Return an URN without its project and stack; the stack itself, at the top, has no other name."""
    kind, _, name = "::".join(urn.split("::")[2:]).partition("::")
    return "stack" if kind == "pulumi:pulumi:Stack" else f"{kind}::{name}"


def _line(resource: Registration) -> str:
    """Return type, name, parent and provider as the engine identifies them."""
    provider = _short(resource.provider.rpartition("::")[0]) if resource.provider else "-"
    parent = _short(resource.parent) if resource.parent else "-"
    return _CONTENT.sub("CONTENT", f"{resource.type} {resource.name} parent={parent} provider={provider}")


def lines(stack: str) -> list[str]:
    """Return a line for each resource of a stack, in alphabetical order."""
    return sorted(_line(each) for each in deployed(stack, preview=True).registrations)


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_registers_the_recorded_resources(stack: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    recorded = {RENAMED.get(each, each) for each in (RECORDED / f"{stack}.txt").read_text().splitlines()}
    registered = set(lines(stack))
    assert sorted(recorded - registered) == [], "resources that an update would delete"
    assert sorted(registered - recorded) == [], "resources that an update would create"


if __name__ == "__main__":
    for name in sys.argv[1:] or STACKS:
        (RECORDED / f"{name}.txt").write_text("\n".join(lines(name)) + "\n")
