"""Environment of the engine in a simulation."""

from pathlib import Path
from typing import Any

import pytest

from simulation.aws.simulation import Run, SimulatedEngine


def test_no_credentials_reach_the_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_PROFILE", "b")
    environment = SimulatedEngine(stack="dev", folder=tmp_path, provider_port=1234).environment()
    assert environment["PULUMI_DEBUG_PROVIDERS"] == "aws:1234"
    assert environment["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == "true"
    left = [name for name in environment if name.startswith("AWS_")]
    assert left == ["AWS_EC2_METADATA_DISABLED"]


def diagnostic(severity: str, message: str) -> dict[str, Any]:
    return {"diagnosticEvent": {"severity": severity, "message": message}}


def test_a_run_separates_warnings_from_notices() -> None:
    events = (
        diagnostic("warning", "using pulumi-language-python from $PATH at x"),
        diagnostic("warning", "acl is deprecated"),
        diagnostic("info#err", "a notice"),
        diagnostic("error", "an error"),
    )
    run = Run(command="up", code=0, events=events, output="")
    assert run.warnings == ["acl is deprecated"]
    assert run.notices == ["a notice"]
