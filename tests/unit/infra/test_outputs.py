"""What the stack exports is what workloads and the harness read."""

from dataclasses import MISSING, fields

import pulumi
import pytest

from infra.outputs import export
from tests.fixtures import platform
from workloads.endpoints import Endpoints

# Added by `python -m infra outputs`, which knows where this machine reaches a stack of its own.
_OF_THIS_MACHINE = {"kubeconfig", "gateway_url"}


def test_every_output_is_exported_under_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    exported: dict[str, object] = {}
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    export({"one": "1", "two": "2"})
    assert exported == {"one": "1", "two": "2"}


@pytest.mark.parametrize("stack", ["local", "prod"])
def test_the_parts_provide_all_that_workloads_read(stack: str) -> None:
    wanted = {field.name for field in fields(Endpoints) if field.default is MISSING}
    missing = wanted - platform.stack(stack).result.keys()
    assert missing == (_OF_THIS_MACHINE if stack == "local" else set())
