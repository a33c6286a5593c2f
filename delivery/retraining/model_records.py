"""What MLflow has on record of a model, and what is put there about its retrainings.

By its REST API, as `delivery.rollouts.registry`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import requests

from workloads.retraining.records import Attempt, attempts
from workloads.retraining.run_inputs import inputs_of

_API: Final = "/api/2.0/mlflow"
_SECONDS: Final = 5
_MOST_VERSIONS: Final = 1000


@dataclass(frozen=True, kw_only=True)
class ModelRecords:
    """The versions of a model."""

    champion: str
    """Its number; empty if none serves."""
    tags: Mapping[str, Mapping[str, str]]
    """Of each version."""
    runs: Mapping[str, str]
    """The MLflow run that trained each version."""

    @property
    def past(self) -> Sequence[Attempt]:
        """Answers to earlier alerts, the oldest first."""
        return [each for _, each in attempts(self.tags.items())]


class RecordStore:
    """The records of models in one MLflow.

    Each method raises requests.RequestException, or OSError, if MLflow does not answer as it should.
    """

    def __init__(self, url: str) -> None:
        """Use the MLflow at this URL; nothing is sent yet."""
        self._url = f"{url.rstrip('/')}{_API}"
        self._session = requests.Session()
        # A proxy of the environment is for addresses elsewhere.
        self._session.trust_env = False

    def read(self, model_name: str) -> ModelRecords:
        """Return what is on record of a model."""
        query = {"filter": f"name = '{model_name}'", "max_results": str(_MOST_VERSIONS)}
        found = self._call("GET", "model-versions/search", params=query).get("model_versions", [])
        named = self._call("GET", "registered-models/get", params={"name": model_name}) if found else {}
        aliases = named.get("registered_model", {}).get("aliases", [])
        return ModelRecords(
            champion=next((str(each["version"]) for each in aliases if each["alias"] == "champion"), ""),
            tags={str(each["version"]): _pairs(each.get("tags", [])) for each in found},
            runs={str(each["version"]): each.get("run_id", "") for each in found},
        )

    def inputs(self, model_name: str, records: ModelRecords) -> dict[str, Any]:
        """Return the inputs of a retraining of the champion.

        Raises:
            WorkloadsError: it was not made by a pipeline of the platform; one line.
        """
        tags = records.tags[records.champion]
        training = self._run(records.runs[records.champion])
        evaluation = self._run(tags["gate.run_id"]) if tags.get("gate.run_id") else {}
        return inputs_of(
            model_name, tags, _pairs(training.get("params", [])), _pairs(evaluation.get("tags", []))
        )

    def write(self, model_name: str, version: str, attempt: Attempt) -> None:
        """Put an answer to alerts on record, with the version that they are about."""
        body = {"name": model_name, "version": version, "key": attempt.tag, "value": attempt.to_json()}
        self._call("POST", "model-versions/set-tag", json=body)

    def remove(self, model_name: str, version: str, attempt: Attempt) -> None:
        """Take a record back."""
        body = {"name": model_name, "version": version, "key": attempt.tag}
        self._call("DELETE", "model-versions/delete-tag", json=body)

    def _run(self, run_id: str) -> dict[str, Any]:
        if not run_id:
            return {}
        return self._call("GET", "runs/get", params={"run_id": run_id})["run"]["data"]

    def _call(self, method: str, path: str, **arguments: Any) -> dict[str, Any]:
        answer = self._session.request(method, f"{self._url}/{path}", timeout=_SECONDS, **arguments)
        answer.raise_for_status()
        return answer.json()


def _pairs(found: Sequence[Mapping[str, str]]) -> dict[str, str]:
    return {each["key"]: each.get("value", "") for each in found}
