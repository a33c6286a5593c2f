"""User of MLflow: logs runs, metrics and artifacts, and searches them, as training code does."""

import itertools
import secrets
import time
from typing import ClassVar, Final

from loadtests.platform_access import MLFLOW
from loadtests.users.open_loop import FaultError, OpenLoopUser, WrongAnswerError

_METRICS: Final = 20
_ARTIFACT: Final = b"0123456789abcdef" * 1024


class TrackingUser(OpenLoopUser):
    """A training script; all of its runs are in one experiment, which is deleted afterwards."""

    experiment: ClassVar[str]
    first_run: ClassVar[str]
    host_name: ClassVar[str]
    numbers: ClassVar["itertools.count[int]"]

    @classmethod
    def prepare(cls) -> None:
        """Create the experiment with a first run."""
        cls.host_name = cls.access.endpoints.tracking_host
        cls.numbers = itertools.count()
        created = cls.access.call(
            "POST",
            cls.host_name,
            f"{MLFLOW}/experiments/create",
            {"name": f"loadtests-{secrets.token_hex(4)}"},
        )
        cls.experiment = created.json()["experiment_id"]
        run = cls.access.call("POST", cls.host_name, f"{MLFLOW}/runs/create", cls._run("first"))
        cls.first_run = run.json()["run"]["info"]["run_id"]

    @classmethod
    def finish(cls) -> None:
        """Delete the experiment with its runs."""
        body = {"experiment_id": cls.experiment}
        cls.access.call("POST", cls.host_name, f"{MLFLOW}/experiments/delete", body)

    @classmethod
    def _run(cls, number: str) -> dict[str, object]:
        return {
            "experiment_id": cls.experiment,
            "run_name": f"load-{number}",
            "start_time": int(time.time() * 1000),
            "tags": [{"key": "loadtests.number", "value": number}],
        }

    def perform(self, operation: str) -> None:
        """Log a run, log an artifact, or search."""
        match operation:
            case "log-run":
                self._log_run(str(next(self.numbers)))
            case "log-artifact":
                self._log_artifact(str(next(self.numbers)))
            case "search":
                self._search()
            case _:
                raise FaultError(f"{operation}: unknown")

    def _log_run(self, number: str) -> None:
        """Create a run, log to it, end it, and read one metric back."""
        created = self.send_json(
            "POST", f"{MLFLOW}/runs/create", host=self.host_name, name="create run", body=self._run(number)
        )
        run = created["run"]["info"]["run_id"]
        now = int(time.time() * 1000)
        logged = {
            "run_id": run,
            "params": [{"key": "number", "value": number}],
            "metrics": [
                {"key": "loss", "value": 1 / (step + 1), "timestamp": now, "step": step}
                for step in range(_METRICS)
            ],
        }
        self.send_json("POST", f"{MLFLOW}/runs/log-batch", host=self.host_name, name="log batch", body=logged)
        ended = {"run_id": run, "status": "FINISHED", "end_time": now}
        self.send_json("POST", f"{MLFLOW}/runs/update", host=self.host_name, name="end run", body=ended)
        logged_run = self.send_json(
            "GET", f"{MLFLOW}/runs/get?run_id={run}", host=self.host_name, name="read run"
        )["run"]
        metrics = {each["key"]: each["value"] for each in logged_run["data"]["metrics"]}
        if logged_run["info"]["status"] != "FINISHED" or metrics.get("loss") != 1 / _METRICS:
            raise WrongAnswerError("a run differs from what was logged")

    def _log_artifact(self, number: str) -> None:
        """Upload a file to the artifact store through the server, and read it back."""
        place = f"{self.experiment}/{self.first_run}/artifacts/{number}.bin"
        path = f"/api/2.0/mlflow-artifacts/artifacts/{place}"
        content = f"{number}\n".encode() + _ARTIFACT
        self.send(
            "PUT",
            path,
            host=self.host_name,
            name="put artifact",
            body=content,
            content_type="application/octet-stream",
        )
        if self.send("GET", path, host=self.host_name, name="get artifact")[0] != content:
            raise WrongAnswerError("an artifact differs from what was logged")

    def _search(self) -> None:
        """Search for the first run."""
        body = {
            "experiment_ids": [self.experiment],
            "filter": "tags.`loadtests.number` = 'first'",
            "max_results": 10,
        }
        path = f"{MLFLOW}/runs/search"
        matches = self.send_json("POST", path, host=self.host_name, name="search", body=body)
        if [each["info"]["run_id"] for each in matches.get("runs", [])] != [self.first_run]:
            raise WrongAnswerError("the search returned other runs")
