"""A stand-in for the Kubernetes API that knows one InferenceService and its pod: the model server's process.

It keeps routes and rollouts of models besides. The deploy step, the delivery controller and everything that
reads a model's lineage run against it unchanged.
"""

import json
import re
import threading
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar, cast
from urllib.parse import urlsplit
from urllib.request import url2pathname

from simulation.laptop.model_server import ModelServer
from workloads.contract import MODEL_LABEL, ROLLOUT_API, ROLLOUTS
from workloads.errors import WorkloadsError
from workloads.serving import model_route
from workloads.serving.inference_service import API_VERSION

_SERVICES = f"/apis/{API_VERSION}/namespaces/"
_KEPT = ("/".join((*ROLLOUT_API, ROLLOUTS)), "/".join((*model_route.API, model_route.PLURAL)))
_PATH = re.compile(r"^/apis/([^/]+/[^/]+)/namespaces/[^/]+/([a-z]+)(?:/([^/]+))?(/status)?$")


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
        self.kept: dict[str, dict[str, dict[str, Any]]] = {each: {} for each in _KEPT}
        """Routes and rollouts by kind and name; nothing comes of them here."""

    def list(self) -> list[dict[str, Any]]:
        """Return all services."""
        found = self.get(self._service["metadata"]["name"]) if self._service else None
        return [found] if found else []

    def get(self, name: str) -> dict[str, Any] | None:
        """Return a service with its condition, as KServe sets it; None if there is none of this name."""
        service = self._service
        if service is None or service["metadata"]["name"] != name:
            return None
        ready = "False" if self._server.why_not_ready() else "True"
        return {**service, "status": {"conditions": [{"type": "Ready", "status": ready}]}}

    def apply(self, service: dict[str, Any]) -> dict[str, Any]:
        """Serve the model of a service, in place of another version of the same model.

        Raises:
            WorkloadsError: another model is there, or the model is in no folder of this machine.
        """
        name = service["metadata"]["name"]
        if self._service and _model(self._service) != _model(service):
            raise WorkloadsError(
                f"inference service {name}: {self._service['metadata']['name']} is served already, "
                "and there is one model server: delete that one first"
            )
        uri = urlsplit(service["spec"]["predictor"]["model"]["storageUri"])
        if uri.scheme != "file":
            raise WorkloadsError(f"inference service {name}: {uri.geturl()} is no folder of this machine")
        self._server.serve(_model(service), Path(url2pathname(uri.path)), self._environment)
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


def _model(service: Mapping[str, Any]) -> str:
    """Return the name as which a service answers."""
    metadata = service["metadata"]
    return metadata.get("labels", {}).get(MODEL_LABEL) or metadata["name"]


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
            return
        kept, name = self._kept()
        if name:
            self._answer_object(self._named(path) if kept is None else kept.get(name))
        else:
            self._answer(200, {"items": self.api.list() if kept is None else [*kept.values()]})

    def do_POST(self) -> None:
        kept, _ = self._kept()
        made = self._body()
        if kept is not None:
            if made["metadata"]["name"] in kept:
                self._answer(409, {"kind": "Status", "status": "Failure", "code": 409})
                return
            # Rollouts of a model are in the order of their making.
            made["metadata"]["creationTimestamp"] = datetime.now(UTC).isoformat(timespec="microseconds")
        self._apply(made, kept)

    def do_PATCH(self) -> None:
        kept, name = self._kept()
        old = self._named(self.path) if kept is None else kept.get(name)
        if old is None:
            self._answer_object(None)
        else:
            self._apply(merged(old, self._body()), kept)

    def do_DELETE(self) -> None:
        kept, name = self._kept()
        found = self._named(self.path) if kept is None else kept.pop(name, None)
        if found and kept is None:
            self.api.delete()
        self._answer_object(found)

    def log_message(self, format: str, *args: Any) -> None:
        """Write nothing: a step's log says what it asked for."""

    def _named(self, path: str) -> dict[str, Any] | None:
        return self.api.get(path.rpartition("/")[2]) if path.startswith(_SERVICES) else None

    def _kept(self) -> tuple[dict[str, dict[str, Any]] | None, str]:
        """Return the objects of the kind that a path names, if it is kept here, and the name in the path."""
        found = _PATH.match(urlsplit(self.path).path)
        if not found:
            return None, ""
        return self.api.kept.get(f"{found[1]}/{found[2]}"), found[3] or ""

    def _apply(self, service: dict[str, Any], kept: dict[str, dict[str, Any]] | None) -> None:
        if kept is not None:
            kept[service["metadata"]["name"]] = service
            self._answer(200, service)
            return
        try:
            self._answer(200, self.api.apply(service))
        except WorkloadsError as error:
            self._answer(422, {"kind": "Status", "status": "Failure", "code": 422, "message": str(error)})

    def _answer_object(self, service: dict[str, Any] | None) -> None:
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
