"""Steps as plain functions, on a tracking store of their own."""

import shutil
from pathlib import Path

import mlflow
import pytest


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
        "PLINTH_GATEWAY_DOMAIN": "plinth.local",
        "PLINTH_S3_ENDPOINT": "http://object-store:9000",
        "PLINTH_S3_REGION": "us-east-1",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(tmp_path)
    mlflow.set_tracking_uri(values["MLFLOW_TRACKING_URI"])
    mlflow.set_registry_uri(values["MLFLOW_TRACKING_URI"])
    return tmp_path
