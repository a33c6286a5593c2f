"""Retraining: labelled requests make a better version, wrong labels none, and no labels no run of it."""

import json
import random
import uuid
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import pytest
from kubernetes import client
from kubernetes.stream import stream

from tests.e2e import labelled
from tests.e2e.retrainings import none_begins
from tests.e2e.rolling import MODEL
from workloads import cluster_client, history, lineage, object_store, pipeline_runs
from workloads.contract import PAYLOADS_BUCKET
from workloads.endpoints import Endpoints
from workloads.gateway_access import direct_session
from workloads.pipeline_runs import PipelineRun
from workloads.retraining.labelled_rows import LabelledRows
from workloads.retraining.records import REFUSED, Attempt, attempts
from workloads.retraining.run_inputs import inputs_of
from workloads.retraining.stored_rows import read_labels, read_requests
from workloads.serving.inference_services import InferenceServices
from workloads.serving.model_rollout import ENDED
from workloads.serving.model_rollouts import ModelRollouts
from workloads.tracking import connect
from workloads.wait import wait_for

# Trains models for minutes.
pytestmark = pytest.mark.slow

_ROWS_OF_REQUEST = 50
_STORED_SECONDS = 90
_RUN_SECONDS = 600
_TELL = """
import sys, urllib.request
request = urllib.request.Request("http://127.0.0.1:8080/alerts", sys.argv[1].encode())
print(urllib.request.urlopen(request, timeout=60).read().decode())
"""


@pytest.fixture(scope="module")
def table() -> tuple[Any, list[str]]:
    """Rows of wine, twice, and their classes."""
    import numpy as np
    from sklearn.datasets import load_wine

    found: Any = load_wine()
    names = [str(found.target_names[code]) for code in found.target]
    return np.concatenate([found.data, found.data]), names * 2


def _asked(endpoints: Endpoints, rows: Any) -> list[str]:
    """Send rows as a caller does and return the id of each."""
    host = endpoints.model_host(MODEL)
    url = f"{endpoints.url(host)}/v1/models/{MODEL}:predict"
    identities: list[str] = []
    with direct_session(endpoints, host) as session:
        for first in range(0, len(rows), _ROWS_OF_REQUEST):
            part = rows[first : first + _ROWS_OF_REQUEST].tolist()
            name = uuid.uuid4().hex
            answer = session.post(url, json={"instances": part}, headers={"X-Request-Id": name}, timeout=30)
            assert answer.status_code == 200, answer.text[:200]
            identities += [f"{name}:{at}" for at in range(len(part))]
    return identities


@contextmanager
def _labelled(
    endpoints: Endpoints, identities: Sequence[str], labels: Sequence[str], began: datetime
) -> Generator[None]:
    """Upload labels and wait until their requests are stored; no alert begins a run meanwhile."""
    # Wrong answers raise an alert of their own.
    with none_begins(endpoints, MODEL), _uploaded(endpoints, identities, labels, began):
        yield


@contextmanager
def _uploaded(
    endpoints: Endpoints, identities: Sequence[str], labels: Sequence[str], began: datetime
) -> Generator[None]:
    """Upload labels with the keys of users, and wait until their requests are stored."""
    store = object_store.pipelines_store(endpoints)
    place = f"s3://{PAYLOADS_BUCKET}/{endpoints.models_namespace}"

    def stored() -> str | None:
        window = (began, datetime.now(UTC))
        found = LabelledRows(*window)
        read_labels(store, place, MODEL, found)
        read_requests(store, place, MODEL, window, found)
        return None if len(found.rows) >= len(identities) else found.said()

    with labelled.uploaded(endpoints, dict(zip(identities, labels, strict=True))):
        wait_for("requests with labels", stored, timeout_seconds=_STORED_SECONDS, interval_seconds=3)
        yield


def _retrain(endpoints: Endpoints, began: datetime, minimum_rows: int = 200, **choices: Any) -> PipelineRun:
    mlflow = connect(endpoints)
    champion = mlflow.get_model_version_by_alias(MODEL, "champion")
    params = mlflow.get_run(str(champion.run_id)).data.params
    arguments = {
        **inputs_of(MODEL, champion.tags, params, {}),
        "objective": "accuracy",
        "threshold": 0.6,
        "begin": began.isoformat(),
        "minimum_rows": minimum_rows,
        "reason": "retrain: test",
        **choices,
    }
    run_id = pipeline_runs.submit(endpoints, "retrain", arguments)
    return pipeline_runs.wait_until_finished(endpoints, run_id, timeout_seconds=_RUN_SECONDS)


def _versions(endpoints: Endpoints) -> int:
    return len(connect(endpoints).search_model_versions(f"name = '{MODEL}'", max_results=1000))


def test_without_labels_the_run_ends_and_says_how_many_are_missing(endpoints: Endpoints, former: str) -> None:
    before = _versions(endpoints)
    run = _retrain(endpoints, datetime.now(UTC))
    assert run.state == "FAILED"
    assert run.reason.startswith("assemble-data: "), run.reason
    assert "labels: 200 of 200 labelled rows are missing" in run.reason
    assert (_versions(endpoints), {*InferenceServices(endpoints).weights(MODEL)}) == (before, {former})


def test_wrong_labels_make_no_version(
    endpoints: Endpoints, former: str, table: tuple[Any, list[str]]
) -> None:
    rows, labels = table
    draw = random.Random(1)  # noqa: S311 - wrong labels, not secrets
    wrong = [draw.choice([*{*labels} - {each}]) if draw.random() < 0.45 else each for each in labels]
    before, began = _versions(endpoints), datetime.now(UTC)
    with _labelled(endpoints, _asked(endpoints, rows), wrong, began):
        # Trees learn the noise by heart, so they are worse than who has learnt from the truth.
        run = _retrain(endpoints, began, family="random_forest", regularization=1.0, threshold=0.9)
    assert run.state == "FAILED"
    assert "champion's" in run.reason or "gate: accuracy" in run.reason, run.reason
    assert "nothing is registered" in run.reason
    assert (_versions(endpoints), {*InferenceServices(endpoints).weights(MODEL)}) == (before, {former})


def test_labelled_requests_make_a_better_version_that_serves(
    endpoints: Endpoints, former: str, table: tuple[Any, list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    rows, labels = table
    # Far enough from training that the champion is wrong about many of them.
    moved = rows + 2.0 * rows.std(axis=0)
    began = datetime.now(UTC)
    with _labelled(endpoints, _asked(endpoints, moved), labels, began):
        run = _retrain(endpoints, began)
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = lineage.trace(endpoints, MODEL)
    assert traced.pipeline_run_id == run.run_id
    assert traced.model_version != former
    assert lineage.broken_links(traced) == []
    mlflow = connect(endpoints)
    experiment: Any = mlflow.get_experiment_by_name(MODEL)
    query = f"tags.`kfp.pipeline_run_id` = '{run.run_id}' and tags.`kfp.task` = 'compare'"
    (compared,) = mlflow.search_runs([experiment.experiment_id], query)
    figures = compared.data.metrics
    assert figures["challenger_accuracy"] > figures["champion_accuracy"]
    rollouts = ModelRollouts(endpoints)
    name = next(
        each["metadata"]["name"]
        for each in rollouts.of_model(MODEL)
        if each["spec"]["version"] == traced.model_version
    )
    rollouts.wait(name, ENDED, timeout_seconds=120)

    def recorded() -> str | None:
        capsys.readouterr()
        from workloads import __main__ as command

        options = command._options(["history", MODEL])  # pyright: ignore[reportPrivateUsage]
        assert history.run(endpoints, options) == 0
        return None if "(retrain: test, pipeline run " in capsys.readouterr().out else "not in the history"

    wait_for("the reason", recorded, timeout_seconds=30, interval_seconds=2)


def _tell(endpoints: Endpoints, alert: dict[str, Any]) -> str:
    """Send a notification from the controller's own pod, as no other pod but Alertmanager's may."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    (pod,) = api.list_namespaced_pod("delivery", field_selector="status.phase=Running").items
    body = json.dumps({"version": "4", "status": "firing", "alerts": [alert]})
    return stream(
        api.connect_get_namespaced_pod_exec,
        pod.metadata.name,
        "delivery",
        command=["python3", "-c", _TELL, body],
        stdin=False,
        stdout=True,
        stderr=True,
        tty=False,
        _request_timeout=90,
    )


def _alert(endpoints: Endpoints, version: str) -> dict[str, Any]:
    """Return an alert about a version that has just begun to fire."""
    return {
        "status": "firing",
        "labels": {
            "alertname": "ModelInputDrift",
            "namespace": endpoints.models_namespace,
            "model_name": MODEL,
            "version": version,
            "variable": "feature/alcohol",
        },
        "startsAt": datetime.now(UTC).isoformat(),
        "fingerprint": uuid.uuid4().hex[:16],
    }


def _begun(endpoints: Endpoints, version: str) -> dict[str, Attempt]:
    """Return the runs that alerts about a version have begun, by their ids."""
    tags: Any = connect(endpoints).get_model_version(MODEL, version).tags
    return {each.run_id: each for _, each in attempts([(version, tags)]) if not each.because}


def test_an_alert_that_comes_five_times_is_answered_once_and_without_labels_by_no_run(
    endpoints: Endpoints, former: str
) -> None:
    alert, before = _alert(endpoints, former), {*_begun(endpoints, former)}
    for _ in range(5):
        assert "none begins: 200 of 200 labelled rows are missing" in _tell(endpoints, alert)
    assert {*_begun(endpoints, former)} == before
    refused = connect(endpoints).get_model_version(MODEL, former).tags[REFUSED]
    assert "200 of 200 labelled rows are missing" in refused


def test_an_alert_that_comes_five_times_begins_one_run_if_there_are_labels_and_its_model_serves(
    endpoints: Endpoints, former: str, table: tuple[Any, list[str]]
) -> None:
    rows, labels = table
    # What a champion relies on, and its successor need not: the gate of the champion stays in force.
    moved = rows.copy()
    moved[:, 0] += 4 * rows[:, 0].std()
    began, before = datetime.now(UTC), {*_begun(endpoints, former)}
    made: dict[str, Attempt] = {}
    try:
        with _uploaded(endpoints, _asked(endpoints, moved), labels, began):
            alert = _alert(endpoints, former)
            said = [_tell(endpoints, alert) for _ in range(5)]
            found = _begun(endpoints, former)
            made = {run_id: each for run_id, each in found.items() if run_id not in before}
            assert len(made) == 1, said
            (run_id,) = made
            run = pipeline_runs.wait_until_finished(endpoints, run_id, timeout_seconds=_RUN_SECONDS)
    finally:
        # Another run of this test is not to wait for the cool-down.
        for each in made.values():
            connect(endpoints).delete_model_version_tag(MODEL, former, each.tag)
    assert run.state == pipeline_runs.SUCCEEDED, run.reason
    traced = lineage.trace(endpoints, MODEL)
    assert (traced.pipeline_run_id, lineage.broken_links(traced)) == (run_id, [])
    assert traced.model_version != former
