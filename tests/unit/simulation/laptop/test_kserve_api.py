"""The stand-in for KServe, asked by the clients that also ask a cluster."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import pytest
from kubernetes import client, watch

from delivery.rollouts.cluster import Cluster
from simulation.laptop import kserve_api
from simulation.laptop.kserve_api import KserveApi, merged
from simulation.laptop.model_server import ModelServer
from tests.fixtures import platforms
from tests.fixtures.models import SERVED, deployed_route
from workloads import cluster_client
from workloads.contract import MODEL_LABEL, ROLLOUT_API, ROLLOUTS
from workloads.endpoints import Endpoints
from workloads.serving.inference_service import inference_service
from workloads.serving.inference_services import InferenceServices, is_ready
from workloads.serving.model_rollout import Phase, rollout_body
from workloads.serving.model_rollouts import ModelRollouts


@dataclass
class Server:
    """A model server that starts nothing."""

    why: str = ""
    served: list[tuple[str, Path]] = field(default_factory=list[tuple[str, Path]])

    def serve(self, name: str, model: Path, _: Mapping[str, str]) -> None:
        self.served.append((name, model))

    def stop(self) -> None:
        self.served.clear()

    def why_not_ready(self) -> str:
        return self.why


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def endpoints(server: Server, tmp_path: Path) -> Generator[Endpoints]:
    with kserve_api.served(KserveApi(cast("ModelServer", server), {})) as url:
        file = tmp_path / "kubeconfig"
        file.write_text(kserve_api.kubeconfig(url))
        yield platforms.endpoints(kubeconfig=file)


def _service(name: str = "wine", uri: str = "file:///models/a%20b") -> dict[str, Any]:
    made = inference_service(name, "models", storage_uri=uri, runtime="r", service_account="s")
    made["spec"]["predictor"]["annotations"] = {"plinth.dev/pipeline-run-id": "run-1"}
    return made


def _version(version: str) -> dict[str, Any]:
    served = replace(SERVED, model_version=version)
    made = _service(f"wine-v{version}", f"file:///models/{version}")
    made["metadata"]["labels"][MODEL_LABEL] = served.model_name
    made["metadata"]["annotations"] |= served.to_annotations()
    return made


def _pods(endpoints: Endpoints) -> list[Any]:
    api = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    changes: Any = watch.Watch().stream(api.list_namespaced_pod, "models", timeout_seconds=10)
    return [each["object"] for each in changes]


def test_a_service_is_served_from_its_folder_read_back_patched_and_deleted(
    endpoints: Endpoints, server: Server
) -> None:
    services = InferenceServices(endpoints)
    assert services.get("wine") is None
    services.create_or_patch(_service())
    assert server.served == [("wine", Path("/models/a b"))]
    patch: Any = {
        "metadata": {"name": "wine", "labels": {"app.kubernetes.io/name": None}},
        "spec": {"predictor": {"model": {"storageUri": "file:///models/2"}}},
    }
    services.create_or_patch(patch)
    found = services.get("wine")
    assert found is not None
    assert is_ready(found)
    assert found["spec"]["predictor"]["model"]["runtime"] == "r"
    assert "app.kubernetes.io/name" not in found["metadata"]["labels"]
    assert server.served[-1] == ("wine", Path("/models/2"))
    services.delete("wine")
    assert not server.served
    assert services.get("wine") is None


def test_a_version_answers_as_its_model_and_replaces_another_version_of_it(
    endpoints: Endpoints, server: Server
) -> None:
    services = InferenceServices(endpoints)
    services.create_or_patch(_version("1"))
    services.create_or_patch(_version("2"))
    assert server.served == [("wine", Path("/models/1")), ("wine", Path("/models/2"))]
    assert services.get("wine-v1") is None
    (found,) = services.list()
    assert found["metadata"]["name"] == "wine-v2"
    assert is_ready(found)
    assert services.versions_of("wine") == [found]


def test_a_route_is_kept_and_says_which_version_serves(endpoints: Endpoints) -> None:
    services = InferenceServices(endpoints)
    services.create_or_patch(_version("3"))
    assert services.of_model("wine") is None
    cluster = Cluster(cluster_client.connect(endpoints.kubeconfig))
    cluster.create_route("models", deployed_route({"2": 100}))
    assert services.weights("wine") == {"2": 100}
    cluster.replace_route("models", deployed_route({"3": 100}))
    assert set(cluster.routes("models")) == {"wine"}
    found = services.of_model("wine")
    assert found is not None
    assert found["metadata"]["name"] == "wine-v3"
    assert set(cluster.versions("models")) == {"wine-v3"}
    cluster.delete_route("models", "wine")
    assert cluster.routes("models") == {}
    assert [each["metadata"]["name"] for each in services.list()] == ["wine-v3"]


def test_rollouts_are_kept_in_the_order_of_their_making_with_the_status_of_the_controller(
    endpoints: Endpoints,
) -> None:
    rollouts = ModelRollouts(endpoints)
    cluster = Cluster(cluster_client.connect(endpoints.kubeconfig))
    # By name the tenth version would come before the ninth.
    names = [rollouts.create("wine", each, "d", reason="test") for each in ("9", "10", "2")]
    assert [each["metadata"]["name"] for each in rollouts.of_model("wine")] == names
    assert rollouts.current("wine")["metadata"]["name"] == names[0]
    cluster.write_status("models", names[0], {"phase": "Baking", "reason": "as decided"})
    found = rollouts.wait(names[0], [Phase.BAKING], timeout_seconds=5)
    assert found["spec"] == {"modelName": "wine", "version": "9", "digest": "d", "reason": "test"}
    assert found["status"] == {"phase": "Baking", "reason": "as decided"}
    rollouts.abort(names[1])
    assert rollouts.get(names[1])["spec"]["abort"] is True
    cluster.delete_rollout("models", names[0])
    assert [each["metadata"]["name"] for each in cluster.rollouts("models")] == names[1:]


def test_a_rollout_of_the_same_name_is_refused(endpoints: Endpoints) -> None:
    api: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))
    place = (*ROLLOUT_API, "models", ROLLOUTS)
    body = rollout_body("wine-v7-1", "models", model_name="wine", version="7", digest="d", reason="first")
    api.create_namespaced_custom_object(*place, body)
    with pytest.raises(client.ApiException) as refused:
        api.create_namespaced_custom_object(*place, {**body, "spec": {}})
    assert refused.value.status == 409
    assert api.get_namespaced_custom_object(*place, "wine-v7-1")["spec"]["reason"] == "first"


def test_a_pod_that_is_ready_names_its_pipeline_run(endpoints: Endpoints) -> None:
    assert _pods(endpoints) == []
    InferenceServices(endpoints).create_or_patch(_service())
    (pod,) = _pods(endpoints)
    assert pod.metadata.annotations == {"plinth.dev/pipeline-run-id": "run-1"}
    assert [(each.type, each.status) for each in pod.status.conditions] == [("Ready", "True")]


def test_a_pod_that_ended_says_why(endpoints: Endpoints, server: Server) -> None:
    InferenceServices(endpoints).create_or_patch(_service())
    server.why = "cannot load the model"
    (pod,) = _pods(endpoints)
    ended = pod.status.container_statuses[0].state.terminated
    assert (ended.exit_code, ended.message) == (1, "cannot load the model")
    assert pod.status.conditions[0].status == "False"
    found = InferenceServices(endpoints).get("wine")
    assert found is not None
    assert not is_ready(found)


@pytest.mark.parametrize(
    ("service", "reason"),
    [
        (_service("beer"), "wine is served already"),
        (_service(uri="s3://mlflow/1"), "s3://mlflow/1 is no folder of this machine"),
    ],
)
def test_what_cannot_be_served_is_refused_with_the_reason(
    endpoints: Endpoints, service: dict[str, Any], reason: str
) -> None:
    services = InferenceServices(endpoints)
    services.create_or_patch(_service())
    with pytest.raises(client.ApiException, match=reason) as error:
        services.create_or_patch(service)
    assert error.value.status == 422


def test_a_merge_patch_is_the_standards() -> None:
    # RFC 7386, section 3.
    old = {"title": "a", "author": {"given": "b", "family": "c"}, "tags": ["d", "e"], "content": "f"}
    patch = {"title": "g", "phone": "h", "author": {"family": None}, "tags": ["d"]}
    new = {"title": "g", "phone": "h", "author": {"given": "b"}, "tags": ["d"], "content": "f"}
    assert merged(old, patch) == new
    assert merged("text", {"a": {"b": None}}) == {"a": {}}
