"""Steps as plain functions, on a tracking store of their own; commands, on a platform that the tests make."""

import json
import shutil
from pathlib import Path
from typing import Any

import mlflow
import pytest

from tests.fixtures.models import COMPLETE
from tests.fixtures.platforms import OUTPUTS
from tests.unit.workloads.shown import EVIDENCE, RUN
from workloads import lineage, pipeline_runs
from workloads.serving.inference_client import InferenceClient


@pytest.fixture(scope="session")
def empty_store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty, migrated MLflow database: the migrations take seconds."""
    file = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    mlflow.MlflowClient(f"sqlite:///{file}").search_experiments()
    return file


@pytest.fixture
def step_environment(tmp_path: Path, empty_store: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The environment that the pipeline gives to a step, with MLflow's store in a folder."""
    shutil.copy(empty_store, tmp_path)
    values = {
        "MLFLOW_TRACKING_URI": f"sqlite:///{tmp_path}/mlflow.db",
        "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        "KFP_RUN_ID": "run-1",
        "KFP_TASK": "step",
        "KFP_POD_NAME": "pod-1",
        "PLINTH_ARTIFACTS_DESTINATION": "s3://mlflow",
        "PLINTH_MODELS_NAMESPACE": "models",
        "PLINTH_MODELS_SERVICE_ACCOUNT": "model-storage",
        "PLINTH_SERVING_RUNTIME": "mlflow-abc",
        "PLINTH_SERVING_RUNTIMES": "[]",
        "PLINTH_GATEWAY_DOMAIN": "plinth.localhost",
        "PLINTH_S3_ENDPOINT": "http://object-store:9000",
        "PLINTH_S3_REGION": "us-east-1",
        "PLINTH_PAYLOADS": "s3://payloads/models",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(values["MLFLOW_TRACKING_URI"])
    mlflow.set_registry_uri(values["MLFLOW_TRACKING_URI"])
    return tmp_path


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """A platform with the state that these tests put here."""
    state: dict[str, Any] = {
        "run": RUN,
        "lineage": COMPLETE,
        "served": EVIDENCE.probabilities,
        "submitted": [],
        "evidence": EVIDENCE,
        "owner": "",
    }
    monkeypatch.setattr(lineage, "trace", lambda *_: state["lineage"])
    monkeypatch.setattr(lineage, "read_held_back", lambda *_: state["evidence"])
    monkeypatch.setattr(lineage, "serves_champion", lambda *_: state["serves_champion"])
    monkeypatch.setattr(lineage, "data_of", lambda *_: state["owner"])
    monkeypatch.setattr(InferenceClient, "predict_v1", lambda *_: state["served"])
    monkeypatch.setattr(pipeline_runs, "wait_until_finished", lambda *_, **__: state["run"])

    def submit(_: Any, __: str, arguments: dict[str, Any], *, cache: bool) -> str:
        state["arguments_of_run"] = arguments
        state["submitted"].append(cache)
        return "p2"

    monkeypatch.setattr(pipeline_runs, "submit", submit)
    file = tmp_path / "outputs.json"
    file.write_text(json.dumps(OUTPUTS))
    state["arguments"] = ["--endpoints", str(file)]
    return state
