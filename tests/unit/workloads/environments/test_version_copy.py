"""A version in the store of one MLflow becomes the same version in the store of another."""

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from sklearn.datasets import load_wine

from tests.unit.workloads.steps.trained import register_wine
from workloads.environments import version_copy
from workloads.environments.version_copy import VersionCopy, fetch, store
from workloads.errors import WorkloadsError
from workloads.serving.artifacts import model_digest

_HAPPENED = {
    "rollout.wine-v1-a": '{"ended": "Promoted"}',
    "experiment.verdict": "better",
    "retraining.refused": "{}",
}
"""Tags of what has happened to the version at its source."""


@pytest.fixture(scope="module")
def source(empty_store: Path, tmp_path_factory: pytest.TempPathFactory) -> mlflow.MlflowClient:
    """An MLflow in which the steps of a pipeline registered version 1 of wine, and others version 2."""
    folder = tmp_path_factory.mktemp("source")
    shutil.copy(empty_store, folder)
    uri = f"sqlite:///{folder}/mlflow.db"
    with pytest.MonkeyPatch.context() as step:
        for name in ("KFP_RUN_ID", "KFP_TASK", "KFP_POD_NAME"):
            step.setenv(name, name.lower())
        step.setenv("PLINTH_ARTIFACTS_DESTINATION", "s3://mlflow")
        # As a server that proxies artifacts says.
        step.setattr(mlflow.MlflowClient, "get_model_version_download_uri", lambda *_: "s3://mlflow/1")
        step.chdir(folder)
        mlflow.set_tracking_uri(uri)
        mlflow.set_registry_uri(uri)
        result = register_wine(folder)
    client = mlflow.MlflowClient(uri, uri)
    for key, value in _HAPPENED.items():
        client.set_model_version_tag("wine", "1", key, value)
    client.create_model_version("wine", f"models:/{result.model_id}")
    return client


@pytest.fixture
def target(
    source: mlflow.MlflowClient, empty_store: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> mlflow.MlflowClient:
    """Another MLflow, with a folder of its own for artifacts, in which nothing is registered."""
    folder = tmp_path / "target"
    folder.mkdir()
    shutil.copy(empty_store, folder)
    monkeypatch.chdir(folder)
    uri = f"sqlite:///{folder}/mlflow.db"
    # Without a server the store of the registry looks up models by this.
    mlflow.set_tracking_uri(uri)
    return mlflow.MlflowClient(uri, uri)


@pytest.fixture
def copy(source: mlflow.MlflowClient, tmp_path: Path) -> VersionCopy:
    """Version 1 of wine, on this machine."""
    return fetch(source, "wine", "1", _folder(tmp_path))


def _folder(tmp_path: Path) -> Path:
    folder = tmp_path / "copy"
    folder.mkdir()
    return folder


def _model(client: mlflow.MlflowClient, version: str = "1") -> Any:
    source = str(client.get_model_version("wine", version).source)
    return client.get_logged_model(source.removeprefix("models:/"))


def _files(client: mlflow.MlflowClient, version: str = "1") -> Path:
    location = str(_model(client, version).artifact_location)
    return Path(location.removeprefix("file://"))


def test_the_target_has_the_same_bytes_and_answers_alike(
    source: mlflow.MlflowClient, target: mlflow.MlflowClient, copy: VersionCopy
) -> None:
    assert store(target, copy, "staging/wine/1") == "1"
    assert model_digest(_files(target)) == model_digest(_files(source)) == copy.digest
    assert _files(target) != _files(source)
    rows = load_wine(return_X_y=True)[0]
    answers = [mlflow.pyfunc.load_model(str(_files(each))).predict(rows) for each in (source, target)]
    assert np.array_equal(*answers)


def test_the_version_says_where_it_is_from_and_why_it_may_serve(
    source: mlflow.MlflowClient, target: mlflow.MlflowClient, copy: VersionCopy
) -> None:
    store(target, copy, "staging/wine/1")
    there, here = source.get_model_version("wine", "1"), target.get_model_version("wine", "1")
    assert here.tags == {
        **{key: value for key, value in there.tags.items() if key not in _HAPPENED},
        "gate.run_id": here.tags["gate.run_id"],
        "promoted.from": "staging/wine/1",
        "promoted.run_id": there.run_id,
        "promoted.digest": copy.digest,
        **{f"promoted.{key}": value for key, value in _HAPPENED.items()},
    }


def test_the_runs_that_made_it_come_along_with_figures_data_and_files(
    source: mlflow.MlflowClient, target: mlflow.MlflowClient, copy: VersionCopy
) -> None:
    store(target, copy, "staging/wine/1")
    there, here = source.get_model_version("wine", "1"), target.get_model_version("wine", "1")
    assert here.run_id not in (None, there.run_id)
    for old, new in ((there.run_id, here.run_id), (there.tags["gate.run_id"], here.tags["gate.run_id"])):
        before, after = source.get_run(str(old)), target.get_run(str(new))
        assert (after.data.params, after.data.metrics) == (before.data.params, before.data.metrics)
        assert (after.info.run_name, after.info.start_time) == (before.info.run_name, before.info.start_time)
        assert (after.info.status, after.data.tags["promoted.from"]) == ("FINISHED", "staging/wine/1")
        assert after.data.tags["kfp.pipeline_run_id"] == "kfp_run_id"
        assert [each.path for each in target.list_artifacts(str(new))] == [
            each.path for each in source.list_artifacts(str(old))
        ]
    training: Any = target.get_run(str(here.run_id))
    assert len(training.data.params) > 5
    (dataset,) = training.inputs.dataset_inputs
    assert {"data.sha256": there.tags["data.sha256"]}.items() <= {
        each.key: each.value for each in dataset.tags
    }.items()
    evaluation = target.get_run(here.tags["gate.run_id"])
    assert evaluation.data.metrics["accuracy"] > 0.5
    assert evaluation.data.tags["mlflow.parentRunId"] == here.run_id
    model = _model(target)
    assert {each.key: each.value for each in model.metrics or []} == evaluation.data.metrics


def test_files_that_somebody_changed_at_the_source_are_refused(
    source: mlflow.MlflowClient, tmp_path: Path
) -> None:
    extra = _files(source) / "extra.txt"
    extra.write_text("not of the model")
    try:
        with pytest.raises(WorkloadsError) as refused:
            fetch(source, "wine", "1", _folder(tmp_path))
    finally:
        extra.unlink()
    assert str(refused.value).startswith("model wine: version 1 has files with digest ")
    assert str(refused.value).endswith(" as registered: somebody changed them; nothing is promoted")


def test_files_that_arrive_changed_leave_no_version_model_or_run(
    target: mlflow.MlflowClient, copy: VersionCopy
) -> None:
    with (copy.files / "MLmodel").open("a") as file:
        file.write("\n")
    with pytest.raises(WorkloadsError, match="its files arrived at the target with digest"):
        store(target, copy, "staging/wine/1")
    assert target.search_registered_models() == []
    experiment = target.get_experiment_by_name("wine")
    assert experiment is not None
    assert list(target.search_runs([experiment.experiment_id])) == []
    assert list(target.search_logged_models([experiment.experiment_id])) == []


def test_the_same_files_are_not_registered_twice_and_others_are_the_next_version(
    target: mlflow.MlflowClient, copy: VersionCopy
) -> None:
    store(target, copy, "staging/wine/1")
    with pytest.raises(WorkloadsError) as refused:
        store(target, copy, "staging/wine/1")
    assert str(refused.value) == (
        "model wine: the target has these files already, as version 1; "
        "`python -m workloads rollout wine 1` serves it there"
    )
    (copy.files / "note.txt").write_text("other files")
    assert store(target, replace(copy, digest=model_digest(copy.files)), "staging/wine/2") == "2"


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("7", "model wine: version 7 is not to be had from the source ("),
        ("2", "model wine: version 2 has no tag model.digest, gate.run_id, data.sha256, kfp.pipeline_run_id"),
    ],
)
def test_a_version_that_no_pipeline_registered_is_refused_in_one_line(
    source: mlflow.MlflowClient, tmp_path: Path, version: str, reason: str
) -> None:
    with pytest.raises(WorkloadsError) as refused:
        fetch(source, "wine", version, _folder(tmp_path))
    assert str(refused.value).startswith(reason)
    assert "\n" not in str(refused.value)


def test_more_figures_than_one_request_takes_are_all_copied(
    target: mlflow.MlflowClient, copy: VersionCopy
) -> None:
    metrics = {f"figure_{number}": float(number) for number in range(version_copy._AT_ONCE + 1)}  # pyright: ignore[reportPrivateUsage]
    copy.training.run.data._metrics = metrics
    store(target, copy, "staging/wine/1")
    run = target.get_run(str(target.get_model_version("wine", "1").run_id))
    assert run.data.metrics == metrics
