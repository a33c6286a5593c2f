"""What MLflow says of a model."""

import json
from typing import Any

import pytest
import requests
import responses

from delivery.retraining.model_records import ModelRecords, RecordStore
from workloads.retraining.records import Attempt

API = "http://mlflow.mlflow:5000/api/2.0/mlflow"
ATTEMPT = Attempt(at="2026-11-30T13:00:00+00:00", reason="retrain: ModelInputDrift", run_id="r1")


def test_the_champion_and_earlier_attempts_of_every_version_are_read() -> None:
    versions = [
        {"version": "3", "run_id": "a", "tags": [{"key": ATTEMPT.tag, "value": ATTEMPT.to_json()}]},
        {"version": "4", "run_id": "b"},
    ]
    model = {"aliases": [{"alias": "previous", "version": "3"}, {"alias": "champion", "version": "4"}]}
    with responses.RequestsMock() as mock:
        mock.get(f"{API}/model-versions/search", json={"model_versions": versions})
        mock.get(f"{API}/registered-models/get", json={"registered_model": model})
        found = RecordStore("http://mlflow.mlflow:5000/").read("wine")
    assert (found.champion, found.past, found.runs) == ("4", [ATTEMPT], {"3": "a", "4": "b"})


def test_a_model_that_nobody_has_registered_has_no_champion() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{API}/model-versions/search", json={})
        assert RecordStore("http://mlflow.mlflow:5000").read("wine") == ModelRecords(
            champion="", tags={}, runs={}
        )


def test_a_record_is_a_tag_of_the_version() -> None:
    with responses.RequestsMock() as mock:
        mock.post(f"{API}/model-versions/set-tag", json={})
        RecordStore("http://mlflow.mlflow:5000").write("wine", "3", ATTEMPT)
        sent: Any = mock.calls[0].request.body
        body = json.loads(sent)
    assert body == {"name": "wine", "version": "3", "key": ATTEMPT.tag, "value": ATTEMPT.to_json()}


def test_a_refusal_of_mlflow_is_an_error() -> None:
    with responses.RequestsMock() as mock:
        mock.get(f"{API}/model-versions/search", status=500)
        with pytest.raises(requests.HTTPError):
            RecordStore("http://mlflow.mlflow:5000").read("wine")
