"""The stand-in for KServe, asked by the clients that also ask a cluster."""

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from kubernetes import client, watch

from simulation.laptop import kserve_api
from simulation.laptop.kserve_api import KserveApi, merged
from simulation.laptop.model_server import ModelServer
from tests.fixtures import platforms
from workloads import cluster_client
from workloads.endpoints import Endpoints
from workloads.serving.inference_service import inference_service
from workloads.serving.inference_services import InferenceServices, is_ready


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
