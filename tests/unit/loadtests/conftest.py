"""Runs the command line as a user does: locust replaces parts of Python, so never in this process."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.fixtures.stub_platform import StubPlatform

REPOSITORY = Path(__file__).parents[3]
Outcome = tuple[int, dict[str, Any], str]
"""Exit code, the run's report, and what was said on standard error."""
LoadRun = Callable[..., Outcome]


@pytest.fixture
def load_run(tmp_path: Path) -> LoadRun:
    """Run one profile against a stub: `--once`, or a profile given as a document."""

    def run(stub: StubPlatform, profile: str | dict[str, Any], *arguments: str) -> Outcome:
        if not isinstance(profile, str):
            file = tmp_path / "mine.yaml"
            file.write_text(yaml.safe_dump(profile))
            profile = str(file)
        report = tmp_path / "report.json"
        command = [sys.executable, "-m", "loadtests", "run", "--profile", profile, "--report", str(report)]
        command += ["--endpoints", str(stub.endpoints(tmp_path)), *arguments]
        done = subprocess.run(
            command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False
        )
        document = json.loads(report.read_text())["runs"][0] if report.is_file() else {}
        return done.returncode, document, done.stderr

    return run
