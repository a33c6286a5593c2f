"""Versions in the registry."""

from pathlib import Path
from typing import Any

import mlflow
import pytest

from tests.unit.workloads.serving.test_artifacts import LOCATIONS
from tests.unit.workloads.steps.trained import Trained, trained
from workloads.steps import register

REGISTER: Any = register.register


@pytest.fixture
def located(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Location of a version's files, as returned by a server that proxies artifacts."""
    location = {"at": "mlflow-artifacts:/1/models/m-1/artifacts"}
    monkeypatch.setattr(mlflow.MlflowClient, "get_model_version_download_uri", lambda *_: location["at"])
    return location


def registered(
    result: Trained, run_id: str | None = None, *, data: str = "wine", replace: bool = False
) -> tuple[str, str]:
    return REGISTER.python_func(
        model_name="wine",
        model_id=result.model_id,
        model_digest="d1",
        mlflow_run_id=run_id or result.mlflow_run_id,
        evaluation_run_id="e1",
        data_sha256=result.sha256,
        data=data,
        replace=replace,
    )


def test_a_version_is_tied_to_its_run_data_and_digest(
    step_environment: Path, located: dict[str, str]
) -> None:
    result = trained(step_environment)
    assert registered(result) == ("1", "s3://mlflow/1/models/m-1/artifacts")
    version = mlflow.MlflowClient().get_model_version_by_alias("wine", "challenger")
    assert version.run_id == result.mlflow_run_id
    assert version.tags == {
        "data.uri": "wine",
        "kfp.pipeline_run_id": "run-1",
        "data.sha256": result.sha256,
        "model.digest": "d1",
        "gate": "passed",
        "gate.run_id": "e1",
    }


def test_one_pipeline_run_has_one_version_however_often_the_step_runs(
    step_environment: Path, located: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = trained(step_environment)
    assert registered(result)[0] == registered(result)[0] == "1"
    monkeypatch.setenv("KFP_RUN_ID", "run-2")
    assert registered(result)[0] == "2"


def test_a_model_of_another_run_is_refused(step_environment: Path, located: dict[str, str]) -> None:
    result = trained(step_environment)
    with pytest.raises(RuntimeError, match=f"MLflow says run {result.mlflow_run_id} made it, not other"):
        registered(result, "other")


def test_the_step_translates_locations_as_everyone_else_does(
    step_environment: Path, located: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = trained(step_environment)
    for artifact_uri, destination, expected in LOCATIONS:
        located["at"] = artifact_uri
        monkeypatch.setenv("PLINTH_ARTIFACTS_DESTINATION", destination)
        assert registered(result)[1] == expected
    located["at"] = "/mnt/models"
    with pytest.raises(ValueError, match="its artifacts are at /mnt/models, which is not S3"):
        registered(result)


def test_the_model_of_other_data_keeps_its_name(
    step_environment: Path, located: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    result = trained(step_environment)
    registered(result)
    monkeypatch.setenv("KFP_RUN_ID", "run-2")
    with pytest.raises(
        ValueError, match=r"^model wine: is trained on wine, not s3://b/a\.csv; give another name"
    ):
        registered(result, data="s3://b/a.csv")
    assert registered(result, data="s3://b/a.csv", replace=True)[0] == "2"
    monkeypatch.setenv("KFP_RUN_ID", "run-3")
    with pytest.raises(ValueError, match=r"is trained on s3://b/a\.csv, not wine"):
        registered(result)
