"""What the stack exports is what the harness reads."""

from dataclasses import fields
from typing import Any

import pulumi
import pytest

from infra.outputs import Outputs, export


def test_every_field_is_a_stack_output_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    exported: dict[str, object] = {}
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    values: dict[str, Any] = {field.name: f"{field.name}-value" for field in fields(Outputs)}
    export(Outputs(**values))
    assert exported == values
    exported.clear()
    absent: dict[str, Any] = {"kubeconfig": None, "gateway_url": None}
    export(Outputs(**{**values, **absent}))
    assert "kubeconfig" not in exported
    assert len(exported) == len(values) - 2
