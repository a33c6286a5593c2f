"""A platform small enough for a unit test: one HTTP server on loopback that answers as the gateway would.

Hosts are those that Endpoints gives. It keeps what clients log, and can be slow, wrong, or refuse.
"""

import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote, urlsplit

from workloads.endpoints import Endpoints
from workloads.serving.artifacts import digest_of_files

ROWS = [[float(row), float(row) / 3] for row in range(7)]
# Never one half: swapped, it would be right.
PROBABILITIES = [[1 / (3 + row[0]), 1 - 1 / (3 + row[0])] for row in ROWS]
DIGEST = "d" * 64
FILES = {"MLmodel": b"flavors: {}\n", "code/predict.py": b"print()\n"}


@dataclass
class StubPlatform:
    """What it answers, and what it was asked."""

    port: int = 0
    digest: str = DIGEST
    seconds_per_answer: float = 0.0
    """Of the model, which answers one request at a time."""
    wrong_every: int = 0
    """Every so many answers of the model have their classes swapped; never if 0."""
    refuse_every: int = 0
    """Every so many requests for a prediction are answered 503; never if 0."""
    redirect_to: str = ""
    """Where requests for a prediction are sent on to; nowhere if empty."""
    alias_version: str = "3"
    run_state: str = "SUCCEEDED"
    predictions: int = 0
    requests: list[str] = field(default_factory=list[str])
    submitted: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Bodies of the pipeline runs that were asked for."""
    runs: dict[str, dict[str, Any]] = field(default_factory=dict[str, dict[str, Any]])
    artifacts: dict[str, bytes] = field(default_factory=dict[str, bytes])
    lock: threading.Lock = field(default_factory=threading.Lock)
    over: threading.Event = field(default_factory=threading.Event)
    """Nobody waits for an answer any longer."""

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    def endpoints(self, folder: Path) -> Path:
        """Write its endpoints as a file, and return that."""
        file = folder / "endpoints-of-stub.json"
        values = dict.fromkeys(Endpoints.__dataclass_fields__, "stub")
        values |= {"gateway_url": self.url, "gateway_domain": "stub.local", "models_namespace": "models"}
        file.write_text(json.dumps(values))
        return file

    def predict(self, body: dict[str, Any]) -> tuple[int, Any]:
        """Answer rows by what training said of them."""
        with self.lock:
            self.predictions += 1
            count = self.predictions
            self.over.wait(self.seconds_per_answer)
        if self.refuse_every and count % self.refuse_every == 0:
            return 503, {"error": "no available server"}
        swapped = self.wrong_every and count % self.wrong_every == 0
        if "instances" in body:
            rows = body["instances"]
        else:
            tensor = body["inputs"][0]
            width = tensor["shape"][1]
            data = tensor["data"]
            rows = [data[at : at + width] for at in range(0, len(data), width)]
        found = [PROBABILITIES[ROWS.index(row)] for row in rows]
        found = [row[::-1] if swapped else row for row in found]
        if "instances" in body:
            return 200, {"predictions": found}
        flat = [value for row in found for value in row]
        return 200, {"outputs": [{"shape": [len(found), 2], "data": flat}]}

    def mlflow(  # noqa: PLR0911 - one for each call of the API
        self, path: str, query: dict[str, list[str]], body: Any
    ) -> tuple[int, Any]:
        """Answer MLflow's API, as far as users call it."""
        match path.removeprefix("/api/2.0/mlflow/"):
            case "experiments/create":
                return 200, {"experiment_id": "7"}
            case "runs/create":
                run = f"run{len(self.runs)}"
                self.runs[run] = {"tags": body["tags"], "metrics": {}, "status": "RUNNING"}
                return 200, {"run": {"info": {"run_id": run}}}
            case "runs/log-batch":
                self.runs[body["run_id"]]["metrics"] |= {
                    each["key"]: each["value"] for each in body["metrics"]
                }
                return 200, {}
            case "runs/update":
                self.runs[body["run_id"]]["status"] = body["status"]
                return 200, {}
            case "runs/get":
                run = self.runs[query["run_id"][0]]
                metrics = [{"key": key, "value": value} for key, value in run["metrics"].items()]
                return 200, {"run": {"info": {"status": run["status"]}, "data": {"metrics": metrics}}}
            case "runs/search":
                value = body["filter"].split("'")[1]
                found = [name for name, run in self.runs.items() if run["tags"][0]["value"] == value]
                return 200, {"runs": [{"info": {"run_id": name}} for name in found]}
            case "registered-models/alias":
                tags = [{"key": "model.digest", "value": digest_of_files(FILES.items())}]
                return 200, {"model_version": {"version": self.alias_version, "tags": tags}}
            case "model-versions/get-download-uri":
                return 200, {"artifact_uri": "mlflow-artifacts:/1/models/m-1/artifacts"}
            case "experiments/delete":
                return 200, {}
            case _:
                return 404, {"error": path}

    def artifact(self, method: str, path: str, query: dict[str, list[str]], body: bytes) -> tuple[int, Any]:
        """Keep and return files, and list those of the model."""
        root = "1/models/m-1/artifacts"
        name = unquote(path.removeprefix("/api/2.0/mlflow-artifacts/artifacts").lstrip("/"))
        if method == "PUT":
            self.artifacts[name] = body
            return 200, {}
        if not name:
            folder = query["path"][0].removeprefix(root).strip("/")
            inside = [file.removeprefix(folder).lstrip("/") for file in FILES if file.startswith(folder)]
            entries = {each.partition("/")[0]: "/" in each for each in inside}
            return 200, {"files": [{"path": name, "is_dir": is_dir} for name, is_dir in entries.items()]}
        if name.startswith(root):
            return 200, FILES[name.removeprefix(root).strip("/")]
        return (200, self.artifacts[name]) if name in self.artifacts else (404, {})


class _Handler(BaseHTTPRequestHandler):
    """Answers for the stub that its server carries."""

    protocol_version = "HTTP/1.1"
    # Header and body leave in one packet: otherwise every answer waits for an acknowledgement.
    wbufsize = -1
    disable_nagle_algorithm = True
    stub: ClassVar[StubPlatform]

    def _answer(self) -> None:
        parts = urlsplit(self.path)
        query = parse_qs(parts.query)
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length)
        host = str(self.headers["Host"]).split(".")[0]
        self.stub.requests.append(f"{self.command} {host} {parts.path}")
        status, found = self._route(parts.path, query, raw)
        content = found if isinstance(found, bytes) else json.dumps(found).encode()
        self.send_response(status)
        if status == 302:
            self.send_header("Location", self.stub.redirect_to)
        self.send_header("x-model-digest", self.stub.digest)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _route(  # noqa: PLR0911 - one for each part of the platform
        self, path: str, query: dict[str, list[str]], raw: bytes
    ) -> tuple[int, Any]:
        if path.endswith((":predict", "/infer")):
            return (302, b"") if self.stub.redirect_to else self.stub.predict(json.loads(raw))
        if path.startswith("/v2/models/"):
            properties = {"mlflow_run_id": "run-of-training", "model_digest": self.stub.digest}
            return 200, {"properties": properties}
        if path == "/get-artifact":
            return 200, {"rows": ROWS, "probabilities": PROBABILITIES}
        if path.startswith("/api/2.0/mlflow-artifacts/"):
            return self.stub.artifact(self.command, path, query, raw)
        if path.startswith("/api/2.0/mlflow/"):
            return self.stub.mlflow(path, query, json.loads(raw) if raw else {})
        if path.startswith("/apis/v2beta1/runs"):
            if self.command == "POST":
                self.stub.submitted.append(json.loads(raw))
                return 200, {"run_id": "pipeline-run-1"}
            return 200, {"state": self.stub.run_state}
        return 404, {"error": path}

    do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 - http.server's names

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: a test reads what was asked from the stub."""


class _Server(ThreadingHTTPServer):
    """Ends without waiting for clients that keep their connections."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128


@contextmanager
def stub_platform(**knobs: Any) -> Generator[StubPlatform]:
    """Serve a stub on a free loopback port."""
    stub = StubPlatform(**knobs)
    server = _Server(("127.0.0.1", 0), type("Handler", (_Handler,), {"stub": stub}))
    stub.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield stub
    finally:
        stub.over.set()
        server.shutdown()
        server.server_close()
        thread.join(timeout=5)
