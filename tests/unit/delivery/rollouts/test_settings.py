"""The controller's settings file."""

import json
from pathlib import Path
from typing import Any

import pytest

from delivery.monitoring.limits import DriftLimits
from delivery.rollouts.settings import Settings

DOCUMENT: dict[str, Any] = {
    "tracking": {"models": "http://mlflow"},
    "domain": "plinth.localhost",
    "gateway": {"name": "traefik", "namespace": "gateway"},
    "gatewayPods": "app=traefik",
    "defaults": {
        "steps": [],
        "maxErrorRatio": 0.01,
        "deadlineSeconds": 900,
        "bakeSeconds": 20,
        "approval": False,
    },
}


def read(folder: Path, **changes: Any) -> Settings:
    (folder / "settings.json").write_text(json.dumps({**DOCUMENT, **changes}))
    return Settings.read(folder / "settings.json")


def test_live_rows_are_compared_where_the_stack_says_so(tmp_path: Path) -> None:
    found = read(tmp_path, drift={"windowRows": 1000, "psi": 0.2, "qualityTolerance": 0.03})
    assert found.drift == DriftLimits(window_rows=1000, psi=0.2, quality_tolerance=0.03)
    assert read(tmp_path, drift=None).drift is None
    # A laptop writes none.
    assert read(tmp_path).drift is None


def test_limits_that_are_incomplete_end_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"settings .*: cannot be read \(KeyError: 'psi'\)"):
        read(tmp_path, drift={"windowRows": 1000})
