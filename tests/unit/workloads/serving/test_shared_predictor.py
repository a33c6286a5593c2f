"""Several models in one predictor: all of them, or everything as it was."""

import copy
import json
import os
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.models import SERVED, SERVICES, deployed_service
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads.contract import StepVariable
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving import shared_predictor
from workloads.serving.served_version import ServedVersion
from workloads.serving.shared_predictor import SHARED, deploy_together, remove, shared_service, versions_in

VERSIONS = {"wine": "3", "iris": "1"}
CONFIG = "/api/v1/namespaces/runs/configmaps/plinth-endpoints"


def record(_: Endpoints, model: str, version: str) -> ServedVersion:
    facts = {**vars(SERVED), "model_name": model, "model_version": version, "model_digest": f"d-{model}"}
    return ServedVersion(**facts)


class Answers:
    """Stands for the client of a model: what each predictor has loaded, by service and model."""

    loaded: dict[tuple[str, str], str]

    def __init__(self, _: Endpoints, model: str, *, service: str) -> None:
        self._key = (service, model)

    def properties(self) -> dict[str, str]:
        if self._key not in self.loaded:
            raise WorkloadsError("HTTP 404")
        return {"model_digest": self.loaded[self._key]}


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StubCluster]:
    monkeypatch.setattr(shared_predictor, "registered_version", record)
    monkeypatch.setattr(
        shared_predictor, "location_of", lambda _, model, version: f"s3://m/{model}/{version}"
    )
    monkeypatch.setattr(shared_predictor, "chosen_runtime", lambda *_: "mlflow-abc")
    monkeypatch.setattr(shared_predictor, "InferenceClient", Answers)
    monkeypatch.setattr(os, "environ", dict(os.environ))
    os.environ.pop(StepVariable.MODELS_SERVICE_ACCOUNT, None)
    Answers.loaded = {("small", model): f"d-{model}" for model in VERSIONS}
    with stub_cluster(tmp_path) as found:
        found.add(CONFIG, {"data": {StepVariable.MODELS_SERVICE_ACCOUNT: "model-storage"}})
        yield found


def deploy(cluster: StubCluster, versions: dict[str, str] | None = None) -> list[ServedVersion]:
    platform = endpoints(kubeconfig=cluster.kubeconfig)
    return deploy_together(platform, "small", versions or VERSIONS, timeout_seconds=0)


def blocked(message: str) -> dict[str, Any]:
    failure = {"reason": "ModelLoadFailed", "message": message}
    return {"modelStatus": {"transitionStatus": "BlockedByFailedLoad", "lastFailureInfo": failure}}


def test_a_service_has_a_folder_of_each_model_and_no_other_storage() -> None:
    service = shared_service(
        "small",
        "models",
        {"wine": "s3://m/wine", "iris": "s3://m/iris"},
        VERSIONS,
        runtime="mlflow-abc",
        service_account="model-storage",
    )
    predictor = service["spec"]["predictor"]
    assert predictor["storageUris"] == [
        {"uri": "s3://m/iris", "mountPath": "/mnt/models/iris"},
        {"uri": "s3://m/wine", "mountPath": "/mnt/models/wine"},
    ]
    assert "storageUri" not in predictor["model"]
    assert versions_in(service) == VERSIONS
    assert "plinth.dev/model-name" not in service["metadata"]["labels"], "no rollout counts its pods"


def test_models_are_served_once_each_answers_with_its_own_files(cluster: StubCluster) -> None:
    assert [each.model_name for each in deploy(cluster)] == ["iris", "wine"]
    made = cluster.named("inferenceservices")["small"]
    assert made["spec"]["predictor"]["serviceAccountName"] == "model-storage"
    assert json.loads(made["metadata"]["annotations"][SHARED]) == VERSIONS


def test_a_predictor_that_is_not_ready_in_time_is_removed(cluster: StubCluster) -> None:
    Answers.loaded[("small", "iris")] = "d-of-another-version"
    with pytest.raises(
        WorkloadsError, match="predictor small: not within 0 s; last seen: iris not served yet"
    ):
        deploy(cluster)
    assert cluster.changes == ["POST inferenceservices/small", "DELETE inferenceservices/small"]


def test_a_model_that_cannot_be_loaded_ends_the_wait_with_its_reason(cluster: StubCluster) -> None:
    Answers.loaded = {}
    message = "cannot load the model iris: ModuleNotFoundError: torch"
    cluster.on_create = lambda _, stored: stored.update(status=blocked(message))
    with pytest.raises(WorkloadsError, match=f"predictor small: {message}"):
        deploy(cluster)
    assert cluster.named("inferenceservices") == {}


def test_a_predictor_that_cannot_be_changed_stays_what_it_was(cluster: StubCluster) -> None:
    deploy(cluster, {"wine": "3"})
    before = copy.deepcopy(cluster.named("inferenceservices")["small"])
    del Answers.loaded[("small", "iris")]
    with pytest.raises(WorkloadsError, match="iris not served yet"):
        deploy(cluster)
    assert cluster.named("inferenceservices")["small"] == before


def test_models_of_two_families_are_refused(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_predictor, "chosen_runtime", lambda model, _: f"mlflow-for-{model}")
    with pytest.raises(WorkloadsError) as refused:
        deploy(cluster)
    assert str(refused.value) == (
        "predictor small: iris needs the runtime mlflow-for-iris, wine needs mlflow-for-wine; "
        "give models of one family"
    )
    assert cluster.changes == []


def test_a_service_of_something_else_is_left_alone(cluster: StubCluster) -> None:
    cluster.add(f"{SERVICES}/small", deployed_service("small"))
    platform = endpoints(kubeconfig=cluster.kubeconfig)
    with pytest.raises(WorkloadsError, match="serves something else"):
        deploy(cluster)
    with pytest.raises(WorkloadsError, match="serves no models together"):
        remove(platform, "small")
    assert cluster.changes == []


def test_too_many_models_are_refused(cluster: StubCluster) -> None:
    with pytest.raises(WorkloadsError, match="41 models are too many; give at most 40"):
        deploy(cluster, {f"m{number}": "1" for number in range(41)})


def test_it_is_removed_with_all_its_models(cluster: StubCluster) -> None:
    deploy(cluster)
    assert remove(endpoints(kubeconfig=cluster.kubeconfig), "small") == VERSIONS
    assert cluster.named("inferenceservices") == {}
