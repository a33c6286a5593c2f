"""The tier's client against a server that answers as the Kubernetes API does."""

import json
import threading
from collections.abc import Generator
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from simulation.aws import cluster_access
from simulation.gpus import api
from simulation.gpus.api import Api, RefusedError


@dataclass
class Stub:
    """Answers by method and path, and keeps what it was sent."""

    answers: dict[str, tuple[int, Any]] = field(default_factory=dict[str, tuple[int, Any]])
    requests: list[tuple[str, str, Any]] = field(default_factory=list[tuple[str, str, Any]])
    url: str = ""

    def methods(self) -> list[str]:
        """Return each request as `METHOD /path`, in alphabetical order: several run at a time."""
        return sorted(f"{method} {path}" for method, path, _ in self.requests)


@pytest.fixture
def stub() -> Generator[Stub]:
    """A server on a loopback port."""
    found = Stub()

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            found.requests.append((self.command, self.path, (self.headers.get("Content-Type"), body)))
            status, answer = found.answers.get(f"{self.command} {self.path}", (HTTPStatus.OK, {}))
            content = answer.encode() if isinstance(answer, str) else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = do_PATCH = do_DELETE = _answer  # noqa: N815 (names of the standard library)

        def log_message(self, format: str, *args: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    found.url = f"http://127.0.0.1:{server.server_port}"
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A certificate and its key."""
    access = cluster_access.create(tmp_path_factory.mktemp("access"))
    return access.certificate, access.key


@pytest.fixture
def client(stub: Stub, files: tuple[Path, Path]) -> Generator[Api]:
    """A client of the stub."""
    certificate, key = files
    with Api(stub.url, authority=certificate, certificate=certificate, key=key) as opened:
        yield opened


def test_a_refusal_carries_the_status_and_the_servers_message(client: Api, stub: Stub) -> None:
    stub.answers["GET /api/v1/nodes/n"] = (404, {"message": 'nodes "n" not found'})
    with pytest.raises(RefusedError, match=r'^404 GET /api/v1/nodes/n: nodes "n" not found$') as refused:
        client.get("/api/v1/nodes/n")
    assert refused.value.status == HTTPStatus.NOT_FOUND


def test_a_refusal_that_is_no_json_is_shown_as_it_is(client: Api, stub: Stub) -> None:
    stub.answers["GET /x"] = (502, "bad gateway")
    with pytest.raises(RefusedError, match=r"502 GET /x: bad gateway"):
        client.get("/x")


@pytest.mark.parametrize(("status", "ready"), [(200, True), (500, False)])
def test_a_server_is_ready_when_it_says_so(client: Api, stub: Stub, status: int, ready: bool) -> None:
    stub.answers["GET /readyz"] = (status, "ok")
    assert client.is_ready() is ready


def test_a_server_that_does_not_listen_is_not_ready(files: tuple[Path, Path]) -> None:
    certificate, key = files
    with Api("http://127.0.0.1:9", authority=certificate, certificate=certificate, key=key) as client:
        assert client.is_ready() is False


def test_a_list_is_selected_by_the_query(client: Api, stub: Stub) -> None:
    stub.answers["GET /api/v1/nodes?labelSelector=a%3Db"] = (200, {"items": [{"kind": "Node"}]})
    assert client.items("/api/v1/nodes", labelSelector="a=b") == [{"kind": "Node"}]


def test_an_object_is_posted_to_the_list_of_its_kind_and_namespace(client: Api, stub: Stub) -> None:
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p", "namespace": "n"}}
    stub.answers["POST /api/v1/namespaces/n/pods"] = (201, pod)
    assert client.create(pod) == pod
    ((_, _, (_, body)),) = stub.requests
    assert json.loads(body) == pod


def test_all_objects_are_created_and_one_refusal_is_raised(client: Api, stub: Stub) -> None:
    nodes = [{"apiVersion": "v1", "kind": "Node", "metadata": {"name": str(each)}} for each in range(20)]
    client.create_all(nodes)
    assert stub.methods() == ["POST /api/v1/nodes"] * 20
    stub.answers["POST /api/v1/nodes"] = (409, {"message": "exists"})
    with pytest.raises(RefusedError, match="409"):
        client.create_all(nodes[:1])


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("merge", "application/merge-patch+json"), ("json", "application/json-patch+json")],
)
def test_a_patch_names_its_kind(client: Api, stub: Stub, kind: str, content_type: str) -> None:
    client.patch("/api/v1/nodes/n", {"spec": {}}, kind)
    assert stub.requests == [("PATCH", "/api/v1/nodes/n", (content_type, b'{"spec": {}}'))]


def test_every_object_of_a_list_is_deleted_at_once(client: Api, stub: Stub) -> None:
    listed = [{"metadata": {"name": name}} for name in ("a", "b", "gone")]
    stub.answers["GET /api/v1/namespaces/n/pods"] = (200, {"items": listed})
    # Something else was quicker.
    stub.answers["DELETE /api/v1/namespaces/n/pods/gone"] = (404, {"message": "not found"})
    client.delete_all("/api/v1/namespaces/n/pods")
    deleted = [body for method, _, (_, body) in stub.requests if method == "DELETE"]
    wanted = {"gracePeriodSeconds": 0, "propagationPolicy": "Background"}
    assert [json.loads(body) for body in deleted] == [wanted] * 3


def test_a_deletion_that_is_refused_is_raised(client: Api, stub: Stub) -> None:
    stub.answers["GET /pods"] = (200, {"items": [{"metadata": {"name": "a"}}]})
    stub.answers["DELETE /pods/a"] = (403, {"message": "forbidden"})
    with pytest.raises(RefusedError, match="forbidden"):
        client.delete_all("/pods")


@pytest.mark.parametrize(
    ("version", "kind", "namespace", "path"),
    [
        ("v1", "Node", None, "/api/v1/nodes"),
        ("v1", "Pod", "n", "/api/v1/namespaces/n/pods"),
        ("karpenter.sh/v1", "NodePool", None, "/apis/karpenter.sh/v1/nodepools"),
        (
            "karpenter.kwok.sh/v1alpha1",
            "KWOKNodeClass",
            None,
            "/apis/karpenter.kwok.sh/v1alpha1/kwoknodeclasses",
        ),
        (
            "admissionregistration.k8s.io/v1",
            "ValidatingAdmissionPolicy",
            None,
            "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies",
        ),
    ],
)
def test_the_path_of_a_list_follows_from_version_kind_and_namespace(
    version: str, kind: str, namespace: str | None, path: str
) -> None:
    metadata = {"name": "x", **({"namespace": namespace} if namespace else {})}
    assert api.collection({"apiVersion": version, "kind": kind, "metadata": metadata}) == path


def test_a_condition_is_found_by_its_type() -> None:
    ready = {"type": "Ready", "status": "True"}
    assert api.condition({"status": {"conditions": [{"type": "A"}, ready]}}, "Ready") == ready
    assert api.condition({"status": {"conditions": None}}, "Ready") == {}
    assert api.condition({}, "Ready") == {}


def test_the_client_closes_its_connections(stub: Stub, files: tuple[Path, Path]) -> None:
    certificate, key = files
    with Api(stub.url, authority=certificate, certificate=certificate, key=key) as client:
        assert client.is_ready()
    with pytest.raises(RuntimeError, match="closed"):
        client.get("/readyz")
    assert isinstance(client._client, httpx.Client)
