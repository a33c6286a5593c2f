"""What the registry says of versions: which one serves, and how each rollout ended.

By MLflow's REST API: its own client would cost as much memory as everything else here.
"""

import json
import logging
import time
from typing import Any, Final
from urllib.parse import urlsplit

import requests

from workloads.serving.rollout_record import RECORD_FILE, RUN_TAG, RolloutRecord

_LOGGER = logging.getLogger("delivery")
CHAMPION: Final = "champion"
PREVIOUS: Final = "previous"
_API: Final = "/api/2.0/mlflow"
_ALIAS: Final = "registered-models/alias"
_ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
_PROXIED: Final = "mlflow-artifacts"
_SECONDS: Final = 5
_UNKNOWN: Final = 404
# What a later attempt may mend, though the answer blames the client.
_LATER: Final = (401, 403, 408, 425, 429)
# The registry's own limit.
_TAG_CHARACTERS: Final = 5000
_FINISHED: Final = "FINISHED"


class Registry:
    """Aliases, tags and runs of models in one MLflow."""

    def __init__(self, url: str) -> None:
        """Use the MLflow at this URL; nothing is sent yet."""
        self._url = url.rstrip("/")
        self._session = requests.Session()
        # A proxy of the environment is for addresses elsewhere.
        self._session.trust_env = False

    def champion(self, model_name: str) -> str | None:
        """Return the version with the alias champion; empty without one, None if MLflow does not answer."""
        try:
            answer = self._get(_ALIAS, name=model_name, alias=CHAMPION)
        except requests.RequestException:
            return None
        if answer.ok:
            return str(answer.json()["model_version"]["version"])
        return "" if answer.status_code in (400, 404) else None

    def figures(self, model_name: str, version: str) -> dict[str, float]:
        """Return the metrics of a version's evaluation; none if MLflow does not answer, or has none."""
        try:
            training, evaluation = self._runs_of(model_name, version)
            return self._metrics(evaluation or training)
        except (requests.RequestException, ValueError, KeyError, TypeError, _Never):
            return {}

    def held_back(self, model_name: str, version: str) -> dict[str, float]:
        """Return the metrics of a version on held-back rows; none if no pipeline has evaluated it.

        Raises:
            OSError: MLflow does not answer as it should.
        """
        try:
            _, evaluation = self._runs_of(model_name, version)
            return self._metrics(evaluation) if evaluation else {}
        except _Never:
            return {}
        except (ValueError, KeyError, TypeError) as error:
            raise OSError(f"no answer of MLflow ({type(error).__name__})") from None

    def set_alias(self, model_name: str, alias: str, version: str) -> bool:
        """Give a version an alias; return whether MLflow has done so."""
        try:
            return self._post(_ALIAS, name=model_name, alias=alias, version=version).ok
        except requests.RequestException:
            return False

    def tag(self, record: RolloutRecord) -> bool:
        """Tag a version with a record of it; return whether that is done, or never can be.

        It never can be if the version is not registered.
        """
        whose = {"name": record.model, "version": record.version}
        for key, value in record.tags().items():
            try:
                answer = self._post("model-versions/set-tag", **whose, key=key, value=value[:_TAG_CHARACTERS])
            except requests.RequestException:
                return False
            if answer.status_code == _UNKNOWN:
                return True
            if not answer.ok:
                return False
        return True

    def keep(self, record: RolloutRecord) -> bool:
        """Write a record as the artifact of a run of its own, once; return whether it is there.

        A run that says it is finished has its artifact, and one that is there is never written again. Where
        MLflow can never take it, such as into an experiment that was deleted, that is logged and done.
        """
        try:
            run = self._run_of(record)
            if run["status"] == _FINISHED:
                return True
            self._put_once(run, record)
            ended = {"run_id": run["run_id"], "status": _FINISHED, "end_time": _now()}
            self._done(self._post("runs/update", **ended))
        except _Never as error:
            _LOGGER.error("rollout %s: its record is no artifact: %s", record.rollout, error)
        except (requests.RequestException, ValueError, KeyError):
            return False
        return True

    def _runs_of(self, model_name: str, version: str) -> tuple[str, str]:
        """Return the runs that trained and that evaluated a version; empty where it names none."""
        found = self._done(self._get("model-versions/get", name=model_name, version=version))
        known = found["model_version"]
        tags = {each["key"]: each.get("value", "") for each in known.get("tags", [])}
        return known.get("run_id", ""), tags.get("gate.run_id", "")

    def _metrics(self, run_id: str) -> dict[str, float]:
        run = self._done(self._get("runs/get", run_id=run_id))["run"]
        return {each["key"]: float(each["value"]) for each in run["data"].get("metrics", [])}

    def _run_of(self, record: RolloutRecord) -> dict[str, Any]:
        """Return the run that keeps a record; it is created in the experiment of the model."""
        found = self._get("experiments/get-by-name", experiment_name=record.model)
        if found.status_code == _UNKNOWN:
            experiment = self._done(self._post("experiments/create", name=record.model))["experiment_id"]
        else:
            experiment = self._done(found)["experiment"]["experiment_id"]
        wanted = f"tags.`{RUN_TAG}` = '{record.rollout}'"
        runs = self._done(
            self._post("runs/search", experiment_ids=[experiment], filter=wanted, max_results=1)
        ).get("runs")
        if runs:
            return runs[0]["info"]
        tags = {RUN_TAG: record.rollout, "model.version": record.version, "rollout.ended": record.ended}
        made = self._post(
            "runs/create",
            experiment_id=experiment,
            run_name="rollout",
            start_time=_now(),
            tags=[{"key": key, "value": value} for key, value in tags.items()],
        )
        return self._done(made)["run"]["info"]

    def _put_once(self, run: dict[str, Any], record: RolloutRecord) -> None:
        listed = self._done(self._get("artifacts/list", run_id=run["run_id"])).get("files", [])
        if any(each["path"] == RECORD_FILE for each in listed):
            return
        place = urlsplit(run["artifact_uri"])
        if place.scheme != _PROXIED:
            raise _Never(f"MLflow's artifacts at {place.scheme} are not written through it")
        url = f"{self._url}{_ARTIFACTS}/{place.path.strip('/')}/{RECORD_FILE}"
        content = json.dumps(record.to_json(), ensure_ascii=False, indent=2).encode()
        self._done(self._session.put(url, data=content, timeout=_SECONDS))

    def _get(self, what: str, **query: str) -> requests.Response:
        return self._session.get(f"{self._url}{_API}/{what}", params=query, timeout=_SECONDS)

    def _post(self, what: str, **body: Any) -> requests.Response:
        return self._session.post(f"{self._url}{_API}/{what}", json=body, timeout=_SECONDS)

    @staticmethod
    def _done(answer: requests.Response) -> dict[str, Any]:
        """Return what MLflow answers; a file that it takes may be answered by nothing.

        Raises:
            _Never: it refuses the request, and always will.
            requests.HTTPError: it failed.
        """
        status = answer.status_code
        if 400 <= status < 500 and status not in _LATER:
            raise _Never(f"HTTP {status}: {' '.join(answer.text.split())[:200]}")
        answer.raise_for_status()
        return answer.json() if answer.content else {}


class _Never(Exception):  # noqa: N818 - an answer
    """What MLflow will refuse each time."""


def _now() -> int:
    return int(time.time() * 1000)
