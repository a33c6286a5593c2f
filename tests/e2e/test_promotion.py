"""A version is copied, served by its own bytes, and what happened is on record.

A platform has one MLflow, so that the copy gets another name there; two of them are in
tests/integration/workloads/test_promotion.py.
"""

import argparse
import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from kubernetes import client

from delivery.rollouts.registry import CHAMPION
from workloads import cluster_client, history, lineage, rollouts
from workloads.contract import MODEL_LABEL, ROLLOUT_API, ROLLOUTS
from workloads.endpoints import Endpoints
from workloads.environments import version_copy
from workloads.serving.inference_client import InferenceClient
from workloads.serving.model_rollout import ENDED
from workloads.serving.model_rollouts import ModelRollouts
from workloads.serving.rollout_record import RECORD_FILE, RUN_TAG, RolloutRecord
from workloads.tracking import connect
from workloads.wait import wait

_MODEL = "wine"
_COPY = "wine-promoted"


@pytest.fixture(autouse=True)
def no_copy(endpoints: Endpoints) -> Generator[None]:
    """Delete the copy before and after: its rollouts, its versions and what is registered."""
    _delete_copy(endpoints)
    yield
    _delete_copy(endpoints)


def _delete_copy(endpoints: Endpoints) -> None:
    api: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))
    services = ("serving.kserve.io", "v1beta1", endpoints.models_namespace, "inferenceservices")
    # In this order: a version that is in no rollout is nobody's to start again.
    for place in ((*ROLLOUT_API, endpoints.models_namespace, ROLLOUTS), services):
        api.delete_collection_namespaced_custom_object(*place, label_selector=f"{MODEL_LABEL}={_COPY}")
    mlflow = connect(endpoints)
    if mlflow.search_registered_models(f"name = '{_COPY}'"):
        mlflow.delete_registered_model(_COPY)
    # Its runs go too: one of them has the record of a rollout.
    if experiment := mlflow.get_experiment_by_name(_COPY):
        for run in mlflow.search_runs([experiment.experiment_id]):
            mlflow.delete_run(run.info.run_id)


def test_a_promoted_version_answers_alike_with_its_lineage_and_its_record(
    endpoints: Endpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    champion = lineage.trace(endpoints, _MODEL)
    version = champion.model_version
    copy = version_copy.fetch(connect(endpoints), _MODEL, version, tmp_path)
    made = version_copy.store(connect(endpoints), replace(copy, model_name=_COPY), f"here/{_MODEL}/{version}")
    command = argparse.ArgumentParser()
    rollouts.add_options(command)
    options = command.parse_args(["--steps=none", "--deadline-seconds=180", "--bake-seconds=10"])
    options.timeout_seconds = 240
    assert rollouts.roll_out(endpoints, _COPY, made, options, reason="test of promotion") == 0
    traced = lineage.trace(endpoints, _COPY)
    assert lineage.broken_links(traced) == []
    assert traced.predictor_digest == champion.predictor_digest == copy.digest
    evidence = lineage.read_held_back(endpoints, traced.served.mlflow_run_id)
    answers = InferenceClient(endpoints, _COPY).predict_v1(evidence.instances)
    assert evidence.largest_difference(answers) <= 1e-9
    _check_record(endpoints, made, copy.digest, tmp_path)
    capsys.readouterr()
    assert history.run(endpoints, argparse.Namespace(model=_COPY, json=True)) == 0
    assert RolloutRecord.from_text(capsys.readouterr().out).digest == copy.digest


def _check_record(endpoints: Endpoints, version: str, digest: str, folder: Path) -> None:
    (rollout,) = ModelRollouts(endpoints).of_model(_COPY)
    name = rollout["metadata"]["name"]
    assert rollout["status"]["phase"] in ENDED
    wait(
        f"record of rollout {name}",
        lambda: ModelRollouts(endpoints).get(name)["status"].get("recorded", False),
        ready=bool,
        timeout_seconds=60,
    )
    mlflow = connect(endpoints)
    experiment = mlflow.get_experiment_by_name(_COPY)
    assert experiment is not None
    (run,) = mlflow.search_runs([experiment.experiment_id], f"tags.`{RUN_TAG}` = '{name}'")
    kept = json.loads(Path(mlflow.download_artifacts(run.info.run_id, RECORD_FILE, str(folder))).read_text())
    assert (kept["digest"], kept["reason"]) == (digest, "test of promotion")
    assert (kept["requestedBy"] != "", kept["weightsAfter"]) == (True, {version: 100})
    assert str(mlflow.get_registered_model(_COPY).aliases[CHAMPION]) == version
