"""The smoke step: the served model must be the trained one."""

import json
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import mlflow
import pytest

from tests.unit.workloads.steps.trained import Trained, trained
from workloads.serving.inference_service import candidate_name
from workloads.steps import smoke

SMOKE: Any = smoke.smoke


class Predictor(BaseHTTPRequestHandler):
    """A predictor that answers with the digests and probabilities that a test gave it."""

    digests: list[str]
    probabilities: list[list[float]]
    hosts: set[str]

    def answer(self, document: Any) -> None:
        body = json.dumps(document).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        type(self).hosts.add(self.headers["Host"])
        digests = type(self).digests
        self.answer({"name": "wine", "model_digest": digests.pop(0) if len(digests) > 1 else digests[0]})

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        rows = type(self).probabilities
        if self.path.endswith(":predict"):
            assert len(body["instances"]) == len(rows)
            self.answer({"predictions": rows})
        else:
            assert body["inputs"][0]["shape"] == [len(rows), 13]
            flat = [value for row in rows for value in row]
            self.answer({"outputs": [{"shape": [len(rows), 3], "data": flat}]})

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def result(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Trained]:
    found = trained(step_environment)
    mlflow.register_model(f"models:/{found.model_id}", "wine")
    Predictor.digests = ["d1"]
    Predictor.hosts = set()
    Predictor.probabilities = json.loads(Path(found.held_back.path).read_text())["probabilities"]
    server = HTTPServer(("127.0.0.1", 0), Predictor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PLINTH_GATEWAY_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    yield found
    server.shutdown()
    server.server_close()
    thread.join()


def proven(held_back: Any, *, candidate: bool = False) -> tuple[int, float]:
    return SMOKE.python_func(
        held_back=held_back,
        model_name="wine",
        model_version="1",
        model_digest="d1",
        candidate=candidate,
    )


def test_the_new_version_must_answer_five_times_in_a_row(result: Trained) -> None:
    Predictor.digests = ["d0", "d1", "d1", "d0", "d1", "d1", "d1", "d1", "d1", "left"]
    assert proven(result.held_back) == (54, 0.0)
    assert Predictor.digests == ["left"]
    assert Predictor.hosts == {"wine-models.plinth.local"}
    champion = mlflow.MlflowClient().get_model_version_by_alias("wine", "champion")
    assert str(champion.version) == "1"


def test_a_candidate_is_verified_under_its_own_host_and_does_not_become_champion(result: Trained) -> None:
    assert proven(result.held_back, candidate=True) == (54, 0.0)
    # A step cannot import the rule, so its own copy is compared with it here.
    assert Predictor.hosts == {f"{candidate_name('wine')}-models.plinth.local"}
    assert candidate_name("wine") == "wine-candidate"
    assert "champion" not in mlflow.MlflowClient().get_registered_model("wine").aliases


def test_a_different_probability_fails(result: Trained) -> None:
    Predictor.probabilities = [[value + 1e-8 for value in row] for row in Predictor.probabilities]
    with pytest.raises(RuntimeError, match="v1: 0 classes differ, probabilities by 1e-08"):
        proven(result.held_back)
    assert "champion" not in mlflow.MlflowClient().get_registered_model("wine").aliases


def test_a_version_that_never_answers_is_named(result: Trained, monkeypatch: pytest.MonkeyPatch) -> None:
    Predictor.digests = ["d0"]
    moments = iter([0.0, 60.0, 121.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments, 122.0))
    with pytest.raises(TimeoutError, match="model wine: not digest d1 but d0 answers after 120 s"):
        proven(result.held_back)
