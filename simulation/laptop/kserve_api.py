"""A stand-in for the Kubernetes API that knows one InferenceService and its pod: the model server's process.

The deploy step and everything that reads a model's lineage run against it unchanged.
"""

import json
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from simulation.laptop.model_server import ModelServer
from workloads.errors import WorkloadsError
from workloads.serving.inference_service import API_VERSION

_SERVICES = f"/apis/{API_VERSION}/namespaces/"


def merged(old: Any, patch: Any) -> Any:
    """Return a JSON document with a merge patch (RFC 7386) applied."""
    if not isinstance(patch, dict):
        return patch
    result: dict[str, Any] = dict(cast("dict[str, Any]", old)) if isinstance(old, dict) else {}
    for key, value in cast("dict[str, Any]", patch).items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merged(result.get(key), value)
    return result


class KserveApi:
    """What the API holds: no service, or the one that the model server runs."""

    def __init__(self, server: ModelServer, environment: Mapping[str, str]) -> None:
        """Serve nothing yet.

        Args:
            server: where models are served.
            environment: environment of its process.
        """
        self._server = server
        self._environment = environment
        self._service: dict[str, Any] | None = None

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a service with its condition, as KServe sets it; None if there is none of this name."""
        service = self._service
        if service is None or service["metadata"]["name"] != name:
            return None
        ready = "False" if self._server.why_not_ready() else "True"
        return {**service, "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    def apply(self, service: dict[str, Any]) -> dict[str, Any]:
        """Serve the model of a service.

        Raises:
            WorkloadsError: another service is there, or the model is in no folder of this machine.
        """
        name = service["metadata"]["name"]
        if self._service and self._service["metadata"]["name"] != name:
            raise WorkloadsError(
                f"inference service {name}: {self._service['metadata']['name']} is served already, "
                "and there is one model server: delete that one first"
            )
        uri = urlsplit(service["spec"]["predictor"]["model"]["storageUri"])
        if uri.scheme != "file":
            raise WorkloadsError(f"inference service {name}: {uri.geturl()} is no folder of this machine")
        self._server.serve(name, Path(url2pathname(uri.path)), self._environment)
        self._service = service
        return service

    def delete(self) -> None:
        """Serve nothing any more."""
        self._server.stop()
        self._service = None

    def pod(self) -> dict[str, Any] | None:
        """Wait until the pod is ready or has ended, and return it; None without a service."""
        if self._service is None:
            return None
        why = self._server.why_not_ready()
        ended = {"terminated": {"exitCode": 1, "message": why}} if why else {}
        status = {
            "conditions": [{"type": "Ready", "status": "False" if why else "True"}],
            "containerStatuses": [
                {
                    "name": "kserve-container",
                    "image": "",
                    "imageID": "",
                    "ready": not why,
                    "restartCount": 0,
                    "state": ended,
                    "lastState": {},
                }
            ],
        }
        predictor = self._service["spec"]["predictor"]
        metadata = {"name": "predictor", "annotations": predictor.get("annotations", {})}
        return {"metadata": metadata, "spec": {"containers": []}, "status": status}


@contextmanager
def served(api: KserveApi) -> Generator[str]:
    """Answer HTTP on a free port of loopback; yield the URL."""
    handler = type("Handler", (_Handler,), {"api": api})
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def kubeconfig(url: str) -> str:
    """Return a kubeconfig for the API; JSON is YAML."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "laptop", "cluster": {"server": url}}],
            "users": [{"name": "laptop", "user": {}}],
            "contexts": [{"name": "laptop", "context": {"cluster": "laptop", "user": "laptop"}}],
            "current-context": "laptop",
        }
    )


class _Handler(BaseHTTPRequestHandler):
    api: ClassVar[KserveApi]

    def do_GET(self) -> None:
        path = urlsplit(self.path).path
        if path.endswith("/pods"):
            pod = self.api.pod()
            # One line per change, as a watch has it; the connection then ends.
            self._answer(200, {"type": "ADDED", "object": pod} if pod else None)
        else:
            self._answer_service(self._named(path))

    def do_POST(self) -> None:
        self._apply(self._body())

    def do_PATCH(self) -> None:
        old = self._named(self.path)
        if old is None:
            self._answer_service(None)
        else:
            self._apply(merged(old, self._body()))

    def do_DELETE(self) -> None:
        found = self._named(self.path)
        if found:
            self.api.delete()
        self._answer_service(found)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a step's log says what it asked for."""

    def _named(self, path: str) -> dict[str, Any] | None:
        return self.api.get(path.rpartition("/")[2]) if path.startswith(_SERVICES) else None

    def _apply(self, service: dict[str, Any]) -> None:
        try:
            self._answer(200, self.api.apply(service))
        except WorkloadsError as error:
            self._answer(422, {"kind": "Status", "status": "Failure", "code": 422, "message": str(error)})

    def _answer_service(self, service: dict[str, Any] | None) -> None:
        missing = {"kind": "Status", "status": "Failure", "code": 404, "reason": "NotFound"}
        self._answer(200 if service else 404, service or missing)

    def _body(self) -> dict[str, Any]:
        return json.loads(self.rfile.read(int(self.headers["Content-Length"])))

    def _answer(self, status: int, document: Any) -> None:
        body = f"{json.dumps(document)}\n".encode() if document is not None else b""
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
