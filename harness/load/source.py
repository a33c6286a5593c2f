"""Locust as a source of measurements for the promotion gate."""

import json
import subprocess
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Final

from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.ports import GATEWAY_NODE_PORT
from delivery.candidate import Candidate
from delivery.gate import Measurement, MeasurementError
from harness.load.timer import PhaseTimer
from loadtests import report
from loadtests.report import RunReport
from workloads import lineage
from workloads.endpoints import Endpoints

_RUN_SECONDS: Final = 900


def measurement_of(run: RunReport) -> Measurement:
    """Return the figures of a load run that the gate uses."""
    return Measurement(
        profile=run.profile,
        verdict=run.verdict,
        p99_ms=run.statistics.p99_ms,
        answered_per_second=run.statistics.answered_per_second,
        saturation_per_second=run.statistics.saturation_per_second,
    )


class LocustSource:
    """Measures candidates with `python -m loadtests`, in a separate process because gevent patches Python."""

    def __init__(self, endpoints: Endpoints, instance: Instance, timer: PhaseTimer) -> None:
        """Prepare to measure on a platform; nothing is sent yet."""
        self._endpoints = endpoints
        self._instance = instance
        self._timer = timer
        self.runs: list[RunReport] = []
        """Reports of all measurements, in order."""

    def __call__(self, candidate: Candidate, profile: str, rate: float | None) -> Measurement:
        """Run one profile against the candidate.

        Raises:
            MeasurementError: the run did not end in time, or left no report.
        """
        description = f"{profile}{f' at {rate:.0f}/s' if rate else ''} on version {candidate.version}"
        with (
            self._timer.phase(profile, description, shows_itself=True),
            tempfile.TemporaryDirectory() as name,
        ):
            command = self._command(candidate, profile, rate, Path(name))
            try:
                subprocess.run(command, stdout=subprocess.DEVNULL, check=False, timeout=_RUN_SECONDS)
                run = report.read_runs(Path(name) / "run.json")[0]
            except subprocess.TimeoutExpired:
                raise MeasurementError(f"profile {profile}: not over within {_RUN_SECONDS} s") from None
            except (FileNotFoundError, IndexError):
                raise MeasurementError(f"profile {profile}: could not be run; see above") from None
        self.runs.append(run)
        for line in report.table([run])[1:]:
            self._timer.progress.line(line.strip())
        return measurement_of(run)

    def _command(self, candidate: Candidate, profile: str, rate: float | None, folder: Path) -> list[str]:
        """Write the inputs of a run to a folder, and return its command."""
        evidence = lineage.read_held_back(self._endpoints, candidate.mlflow_run_id)
        expected = {
            "digest": candidate.digest,
            "rows": evidence.rows,
            "probabilities": evidence.probabilities,
        }
        (folder / "expected.json").write_text(json.dumps(expected))
        (folder / "endpoints.json").write_text(json.dumps(asdict(self._endpoints)))
        command = [sys.executable, "-m", "loadtests", "run", "--profile", profile]
        command += ["--endpoints", str(folder / "endpoints.json"), *self._target()]
        command += ["--expected", str(folder / "expected.json"), "--report", str(folder / "run.json")]
        command += ["--model", candidate.model_name, "--service", candidate.service]
        return [*command, "--rate", str(rate)] if rate else command

    def _target(self) -> list[str]:
        """Return arguments for the gateway's node port, which bypasses the machine's forwarder."""
        with suppress(ClusterError):
            known = self._instance.endpoints()
            if known.gateway == self._endpoints.gateway_url:
                target = f"http://{known.node_ip}:{GATEWAY_NODE_PORT}"
                return ["--target", target, "--own-address", known.node_ip]
        return ["--target", self._endpoints.gateway_url]
