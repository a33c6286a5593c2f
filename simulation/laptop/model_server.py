"""One model server: the serving runtime of the platform as a process on loopback."""

import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import requests

from simulation.laptop import serving_environment
from simulation.laptop.process_group import ProcessGroup, last_line
from workloads.wait import wait

_STARTING: Final = "starts"
_READY: Final = "ready"
_SECONDS: Final = 60


class ModelServer:
    """Serves the model in a folder, one at a time."""

    def __init__(self, group: ProcessGroup, port: int, log: Path) -> None:
        """Start nothing yet.

        Args:
            group: what its process ends with.
            port: loopback port of the REST protocols.
            log: file for its output.
        """
        self.url = f"http://127.0.0.1:{port}"
        self._group = group
        self._port = port
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self._session = requests.Session()
        self._session.trust_env = False

    def serve(self, name: str, model: Path, environment: Mapping[str, str]) -> None:
        """Serve a model in place of the one before."""
        self.stop()
        command = [str(serving_environment.python()), "-m", "predictor", f"--model_name={name}"]
        command += [f"--model_dir={model}", f"--http_port={self._port}", "--enable_grpc=false"]
        inside = {
            **environment,
            **serving_environment.variables(),
            "PYTHONPATH": str(serving_environment.IMAGE),
        }
        self._process = self._group.start(command, inside, self._log)

    def stop(self) -> None:
        """End the process, if there is one."""
        if self._process:
            self._process.kill()
            self._process.wait()
            self._process = None

    def why_not_ready(self) -> str:
        """Wait until the model answers, and return an empty text; or, once the process has ended, why.

        Raises:
            WorkloadsError: neither happened in time.
        """
        found = wait(
            "model server",
            self._state,
            ready=lambda state: state != _STARTING,
            timeout_seconds=_SECONDS,
            interval_seconds=0.1,
        )
        return "" if found == _READY else found

    def _state(self) -> str:
        if self._process is None or self._process.poll() is not None:
            return last_line(self._log) or "ended without a word"
        try:
            answer = self._session.get(f"{self.url}/v2/health/ready", timeout=5)
        except requests.RequestException:
            return _STARTING
        return _READY if answer.ok else _STARTING
