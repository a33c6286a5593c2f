"""What is served after a version that is not proven."""

from typing import Any

import mlflow
import pytest
from kubernetes import client, config
from mlflow.entities.model_registry import ModelVersion, RegisteredModel
from workloads.steps.champion import put_back, serve_champion

from tests.unit.workloads.serving.test_artifacts import LOCATIONS
from workloads.serving.served_version import ServedVersion
from workloads.steps import champion

# Without a store of their own they would leave a database in the folder that they run in.
pytestmark = pytest.mark.usefixtures("step_environment")


class Cluster:
    """Records what is changed."""

    def __init__(self) -> None:
        self.run_id = "run-1"
        self.patched: dict[str, Any] = {}
        self.deleted: list[str] = []

    def get(self, *_: Any, **__: Any) -> dict[str, Any]:
        return {"metadata": {"annotations": {"plinth.dev/pipeline-run-id": self.run_id}}}

    def patch(self, *_: Any, body: dict[str, Any], **__: Any) -> None:
        self.patched = body

    def delete(self, _: Any, *place: str) -> None:
        self.deleted.append(place[-1])


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    found = Cluster()
    monkeypatch.setenv("KFP_RUN_ID", "run-1")
    monkeypatch.setenv("PLINTH_MODELS_NAMESPACE", "models")
    monkeypatch.setenv("PLINTH_ARTIFACTS_DESTINATION", "s3://mlflow")
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.setattr(config, "load_incluster_config", lambda: None)
    # The version before may be of another family of packages.
    monkeypatch.setattr(champion, "chosen_runtime", lambda name, version: f"runtime-of-{name}-{version}")
    api = client.CustomObjectsApi
    monkeypatch.setattr(api, "get_namespaced_custom_object", found.get)
    monkeypatch.setattr(api, "patch_namespaced_custom_object", found.patch)
    monkeypatch.setattr(api, "delete_namespaced_custom_object", lambda _, *place: found.delete(None, *place))
    return found


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    tags = {"model.digest": "d1", "data.sha256": "s1", "kfp.pipeline_run_id": "run-0"}
    state: dict[str, Any] = {
        "aliases": {"champion": "2"},
        "location": "mlflow-artifacts:/1/models/m-1/artifacts",
    }
    model = RegisteredModel("wine", aliases=[])
    version = ModelVersion("wine", "2", 0, run_id="r1", tags=[])
    monkeypatch.setattr(ModelVersion, "tags", tags)
    monkeypatch.setattr(RegisteredModel, "aliases", state["aliases"])
    monkeypatch.setattr(mlflow.MlflowClient, "get_registered_model", lambda *_: model)
    monkeypatch.setattr(mlflow.MlflowClient, "get_model_version", lambda *_: version)
    monkeypatch.setattr(mlflow.MlflowClient, "get_model_version_download_uri", lambda *_: state["location"])
    return state


def test_the_champion_is_served_again_with_its_own_record(cluster: Cluster, registry: dict[str, Any]) -> None:
    assert serve_champion("wine") == ("version 2 is served again", "d1")
    annotations = {**cluster.patched["metadata"]["annotations"], "plinth.dev/model-name": "wine"}
    assert ServedVersion.from_annotations(annotations) == ServedVersion(
        model_name="wine",
        model_version="2",
        model_digest="d1",
        mlflow_run_id="r1",
        data_sha256="s1",
        pipeline_run_id="run-0",
    )
    predictor = cluster.patched["spec"]["predictor"]
    assert predictor["annotations"] == {"plinth.dev/pipeline-run-id": "run-0"}
    assert predictor["model"] == {
        "runtime": "runtime-of-wine-2",
        "storageUri": "s3://mlflow/1/models/m-1/artifacts",
    }


def test_locations_are_translated_as_everywhere(
    cluster: Cluster, registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    for artifact_uri, destination, expected in LOCATIONS:
        registry["location"] = artifact_uri
        monkeypatch.setenv("PLINTH_ARTIFACTS_DESTINATION", destination)
        serve_champion("wine")
        assert cluster.patched["spec"]["predictor"]["model"]["storageUri"] == expected


def test_without_a_champion_nothing_is_served(cluster: Cluster, registry: dict[str, Any]) -> None:
    registry["aliases"].clear()
    assert serve_champion("wine") == ("no version was proven before it, so none is served", "")
    assert cluster.deleted == ["wine"]


def test_on_a_laptop_a_kubeconfig_stands_for_the_account_of_a_pod(
    cluster: Cluster, registry: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: list[str] = []
    monkeypatch.setattr(config, "load_incluster_config", lambda: loaded.append("pod"))
    monkeypatch.setattr(config, "load_kube_config", lambda: loaded.append("file"))
    serve_champion("wine")
    monkeypatch.setenv("KUBECONFIG", "/a/file")
    serve_champion("wine")
    assert loaded == ["pod", "file"]


def test_a_run_that_deployed_later_is_left_alone(cluster: Cluster, registry: dict[str, Any]) -> None:
    cluster.run_id = "run-2"
    assert serve_champion("wine") == ("pipeline run run-2 deployed after this one", "")
    assert not cluster.patched
    assert not cluster.deleted


def test_the_champion_is_back_before_the_caller_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[str] = []
    monkeypatch.setattr(
        champion, "serve_champion", lambda name: (f"version 2 of {name} is served again", "d0")
    )
    assert put_back("wine", answered.append) == "version 2 of wine is served again"
    assert answered == ["d0"]


def test_where_nothing_is_put_back_nobody_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    answered: list[str] = []
    monkeypatch.setattr(champion, "serve_champion", lambda _: ("none is served", ""))
    assert put_back("wine", answered.append) == "none is served"
    assert not answered


def test_a_champion_that_cannot_be_put_back_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(_: str) -> tuple[str, str]:
        raise KeyError("model.digest")

    monkeypatch.setattr(champion, "serve_champion", fails)
    assert put_back("wine") == "the champion could not be put back: 'model.digest'"
