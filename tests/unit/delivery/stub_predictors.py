"""Predictors of versions, over HTTP: what they serve, answer and have recorded."""

import json
import threading
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from delivery.rollouts.cluster import Cluster
from delivery.version import Version
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from workloads import cluster_client
from workloads.contract import MODEL_LABEL

STABLE = Version(namespace="models", model_name="wine", number="1")
CANARY = Version(namespace="models", model_name="wine", number="2")
GOLDEN: dict[str, Any] = {
    "features": ["a", "b"],
    "kinds": [],
    "classes": ["low", "high"],
    "rows": [[0.0, 1.0], [2.0, 3.0]],
    "predicted": ["low", "high"],
    "probabilities": [[0.75, 0.25], [0.125, 0.875]],
}


def by_first_value(request: Any) -> tuple[int, Any]:
    """Answer as the golden rows have it: high if the first value is more than 1."""
    split = request.get("dataframe_split")
    rows = split["data"] if split else request["instances"]
    return 200, {"predictions": [[0.125, 0.875] if row[0] > 1 else [0.75, 0.25] for row in rows]}


def swapped(request: Any) -> tuple[int, Any]:
    """Answer with the columns of the classes swapped."""
    status, body = by_first_value(request)
    return status, {"predictions": [each[::-1] for each in body["predictions"]]}


@dataclass
class StubPredictor:
    """One pod."""

    digest: str = "d" * 64
    classes: tuple[str, ...] = ("low", "high")
    predict: Callable[[Any], tuple[int, Any]] = by_first_value
    golden: Any = None
    """None without golden rows."""
    recorded: list[Any] = field(default_factory=list[Any])
    """Lines that wait to be pulled, the first of number 1."""
    stored: int = 0
    """Number up to which they were let go."""
    dropped: int = 0
    process: str = "ab12"
    requests: list[tuple[str, Any]] = field(default_factory=list[tuple[str, Any]])
    """Id and body of each prediction."""

    def get(self, path: str, query: dict[str, list[str]]) -> tuple[int, dict[str, str], bytes]:
        """Answer to GET."""
        if path == "/golden":
            found = (404, {"error": "none"}) if self.golden is None else (200, self.golden)
            return found[0], {}, json.dumps(found[1]).encode()
        if path == "/payloads":
            return 200, *self._payloads(query)
        properties = {"model_digest": self.digest, "classes": json.dumps(self.classes)}
        return 200, {}, json.dumps({"properties": properties}).encode()

    def _payloads(self, query: dict[str, list[str]]) -> tuple[dict[str, str], bytes]:
        process, _, number = query.get("after", [""])[0].rpartition("-")
        if number and process == self.process:
            self.stored = max(self.stored, int(number))
        lines = self.recorded[self.stored :][: int(query["limit"][0])]
        headers = {
            "x-payloads-next": f"{self.process}-{self.stored + len(lines)}",
            "x-payloads-dropped-requests": str(self.dropped),
        }
        return headers, b"".join(json.dumps(each).encode() + b"\n" for each in lines)


def line(row: list[Any], answer: Any, identity: str = "r", columns: tuple[str, ...] = ("a", "b")) -> Any:
    """Return the record of a request of one row."""
    given = {"dataframe_split": {"columns": columns, "data": [row]}} if columns else {"instances": [row]}
    return {
        "captureData": {
            "endpointInput": {"data": json.dumps(given), "encoding": "JSON"},
            "endpointOutput": {"data": json.dumps({"predictions": [answer]}), "encoding": "JSON"},
        },
        "eventMetadata": {"eventId": identity},
    }


@dataclass
class StubPredictors:
    """A cluster with a pod of each version, and their Services."""

    stub: StubCluster
    port: int
    pods: dict[Version, StubPredictor] = field(default_factory=dict[Version, StubPredictor])

    @property
    def cluster(self) -> Cluster:
        """A connection to the cluster."""
        return Cluster(cluster_client.connect(str(self.stub.kubeconfig)))

    @property
    def service_url(self) -> str:
        """URL of a version's Service, with {service} and {namespace} in it."""
        return f"http://127.0.0.1:{self.port}/{{namespace}}/{{service}}"

    @property
    def pod_url(self) -> str:
        """URL of a pod by its address."""
        return "http://{address}"

    def deploy(self, version: Version, pod: StubPredictor) -> StubPredictor:
        """Add an InferenceService and its pod."""
        name = f"{version.model_name}-v{version.number}"
        namespace = version.namespace
        labels = {"serving.kserve.io/inferenceservice": name}
        self.stub.add(
            f"/apis/serving.kserve.io/v1beta1/namespaces/{namespace}/inferenceservices/{name}",
            {"metadata": {"name": name, "labels": {MODEL_LABEL: version.model_name}}},
        )
        self.stub.add(
            f"/api/v1/namespaces/{namespace}/pods/{name}",
            {
                "metadata": {"name": name, "uid": f"{namespace}/{name}", "labels": labels},
                "status": {"podIP": f"127.0.0.1:{self.port}/{namespace}/{name}"},
            },
        )
        self.pods[version] = pod
        return pod

    def at(self, path: str) -> tuple[StubPredictor | None, str]:
        """Return the pod of a path, and the path at the pod."""
        _, namespace, service, rest = path.split("/", 3)
        model_name, _, number = service.removesuffix("-predictor").rpartition("-v")
        version = Version(namespace=namespace, model_name=model_name, number=number)
        return self.pods.get(version), f"/{rest}"


@contextmanager
def stub_predictors(folder: Path) -> Generator[StubPredictors]:
    """Serve pods, and a cluster that has them."""

    class Handler(BaseHTTPRequestHandler):
        def _reply(self, status: int, headers: dict[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in {**headers, "Content-Length": str(len(body))}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            pod, path = made.at(parts.path)
            found = (503, {}, b"") if pod is None else pod.get(path, parse_qs(parts.query))
            self._reply(*found)

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            pod, _ = made.at(self.path)
            if pod is None:
                self._reply(503, {}, b"")
                return
            pod.requests.append((self.headers["X-Request-Id"], body))
            status, answer = pod.predict(body)
            self._reply(status, {}, json.dumps(answer).encode())

        def log_message(self, format: str, *args: Any) -> None:
            pass

    with stub_cluster(folder) as cluster, ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = StubPredictors(cluster, server.server_address[1])
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield made
        server.shutdown()
