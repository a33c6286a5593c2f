"""What the stack exports is what the harness reads."""

from dataclasses import fields

import pulumi
import pytest

from infra.outputs import Outputs, export


def test_every_field_is_a_stack_output_of_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    exported: dict[str, object] = {}
    monkeypatch.setattr(pulumi, "export", exported.__setitem__)
    values = {field.name: f"{field.name}-value" for field in fields(Outputs)}
    export(Outputs(**values))
    assert exported == values
