"""Every locust user performs each of its operations once on the platform and gets a good answer."""

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import pytest

from workloads.endpoints import Endpoints

REPOSITORY = Path(__file__).parents[2]


@pytest.mark.parametrize(
    "profile", ["serving-gate", "tracking-steady", "registry-steady", "pipelines-steady"]
)
def test_every_operation_of_a_user_gets_a_good_answer(
    endpoints: Endpoints, tmp_path: Path, record_property: Callable[[str, object], None], profile: str
) -> None:
    (tmp_path / "endpoints.json").write_text(json.dumps(asdict(endpoints)))
    report = tmp_path / "report.json"
    command = [sys.executable, "-m", "loadtests", "run", "--once", "--profile", profile]
    command += ["--endpoints", str(tmp_path / "endpoints.json"), "--report", str(report)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=400, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    run = json.loads(report.read_text())["runs"][0]
    for each in run["operations"]:
        record_property(f"{each['name']} ms", round(each["p50_ms"], 1))
