"""The smoke step: the served model must be the trained one."""

import json
import threading
import time
from collections.abc import Generator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from tests.unit.workloads.steps.trained import Trained, mixed, trained
from workloads.serving import request_parts
from workloads.serving.inference_service import version_service
from workloads.serving.model_rollout import Phase
from workloads.steps import smoke

SMOKE: Any = smoke.smoke
VERSION, MODEL = "wine-v1-models.plinth.localhost", "wine-models.plinth.localhost"


class Predictor(BaseHTTPRequestHandler):
    """A predictor that answers with the digests and probabilities that a test gave it."""

    digests: list[str]
    probabilities: list[Any]
    answers: dict[str, list[Any]]
    """Answers that were not given yet, by protocol."""
    status: int
    described: list[str]
    lengths: list[int]
    asked: list[Any]

    @classmethod
    def answering(cls, answers: list[Any]) -> None:
        cls.answers = {"v1": answers, "v2": answers}

    hosts: list[str]
    """Hosts that were asked for the digest, in order and each once in a row."""

    def answer(self, document: Any, status: int = 200) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_GET(self) -> None:
        if type(self).hosts[-1:] != [self.headers["Host"]]:
            type(self).hosts.append(self.headers["Host"])
        if self.path.startswith("/v2/"):
            return self.answer({"inputs": [{"name": name} for name in type(self).described]})
        digests = type(self).digests
        self.answer({"name": "wine", "model_digest": digests.pop(0) if len(digests) > 1 else digests[0]})

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        type(self).lengths.append(length)
        body = json.loads(self.rfile.read(length))
        if type(self).status != 200:
            return self.answer({"error": "too much"}, type(self).status)
        protocol = "v1" if self.path.endswith(":predict") else "v2"
        count = len(body["instances"]) if protocol == "v1" else body["inputs"][0]["shape"][0]
        given, left = type(self).answers[protocol][:count], type(self).answers[protocol][count:]
        type(self).answers[protocol] = left
        type(self).asked.append(body)
        if protocol == "v1":
            return self.answer({"predictions": given})
        flat = [value for row in given for value in (row if isinstance(row, list) else [row])]
        return self.answer({"outputs": [{"shape": [count, len(flat) // count], "data": flat}]})

    def log_message(self, format: str, *args: Any) -> None:
        pass


class Delivery:
    """Records what the step asks for, and gives it the phase that a test set."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.phase = Phase.BAKING

    def delete(self, *place: str) -> None:
        self.asked.append(f"delete {' '.join(place)}")

    def roll_out(self, *asked: str, replay: bool) -> Phase:
        how = () if replay else ("without replay",)
        self.asked.append(f"roll out {' '.join([*filter(None, asked), *how])}")
        return self.phase


@pytest.fixture
def delivery(monkeypatch: pytest.MonkeyPatch) -> Delivery:
    found = Delivery()
    monkeypatch.setattr(smoke, "delete_version", found.delete)
    monkeypatch.setattr(smoke, "roll_out", found.roll_out)
    return found


@pytest.fixture
def predictor(step_environment: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[type[Predictor]]:
    Predictor.digests = ["d1"]
    Predictor.hosts = []
    Predictor.status = 200
    Predictor.described = []
    Predictor.lengths = []
    Predictor.asked = []
    server = HTTPServer(("127.0.0.1", 0), Predictor)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    monkeypatch.setenv("PLINTH_GATEWAY_URL", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(time, "sleep", lambda _: None)
    yield Predictor
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def result(step_environment: Path, predictor: type[Predictor], delivery: Delivery) -> Trained:
    found = trained(step_environment)
    Predictor.probabilities = json.loads(Path(found.held_back.path).read_text())["probabilities"]
    Predictor.answering(Predictor.probabilities)
    return found


def proven(held_back: Any, *, candidate: bool = False, **choices: Any) -> tuple[int, float]:
    return SMOKE.python_func(
        held_back=held_back,
        model_name="wine",
        model_version="1",
        model_digest="d1",
        candidate=candidate,
        **choices,
    )


def test_the_version_must_answer_five_times_in_a_row_and_then_its_model(
    result: Trained, delivery: Delivery
) -> None:
    own = ["d0", "d1", "d1", "d0", "d1", "d1", "d1", "d1", "d1"]
    Predictor.digests = [*own, "d0", "d1", "d1", "d1", "d1", "d1", "left"]
    assert proven(result.held_back) == (54, 0.0)
    assert Predictor.digests == ["left"]
    # A step cannot import the rule, so its own copy is compared with it here.
    assert Predictor.hosts == [VERSION, MODEL]
    assert VERSION.startswith(f"{version_service('wine', '1')}-models.")
    assert delivery.asked == ["roll out models wine 1 d1"]


@pytest.mark.parametrize("phase", [Phase.PROGRESSING, Phase.PAUSED])
def test_a_rollout_that_waits_for_callers_or_approval_ends_the_step(
    result: Trained, delivery: Delivery, phase: Phase
) -> None:
    delivery.phase = phase
    Predictor.digests = ["d1", "d1", "d1", "d1", "d1", "left"]
    assert proven(result.held_back) == (54, 0.0)
    assert Predictor.digests == ["left"]
    assert Predictor.hosts == [VERSION]
    assert delivery.asked == ["roll out models wine 1 d1"]


def test_its_rollout_replays_recorded_rows_unless_the_pipeline_knows_better(
    result: Trained, delivery: Delivery
) -> None:
    Predictor.digests = ["d1"] * 10
    proven(result.held_back, replay=False)
    assert delivery.asked == ["roll out models wine 1 d1 without replay"]


def test_a_candidate_is_compared_as_strictly_and_asks_for_no_rollout(
    result: Trained, delivery: Delivery
) -> None:
    assert proven(result.held_back, candidate=True) == (54, 0.0)
    assert Predictor.hosts == [VERSION]
    assert Predictor.answers == {"v1": [], "v2": []}
    assert delivery.asked == []


@pytest.mark.parametrize("candidate", [False, True])
def test_a_version_that_answers_otherwise_is_deleted(
    result: Trained, delivery: Delivery, *, candidate: bool
) -> None:
    Predictor.answering([[value + 1e-8 for value in row] for row in Predictor.probabilities])
    with pytest.raises(RuntimeError, match=r"^model wine: v1: 0 classes differ, probabilities by 1e-08$"):
        proven(result.held_back, candidate=candidate)
    assert delivery.asked == ["delete models wine 1"]


def test_a_version_that_answers_otherwise_by_v2_alone_is_deleted(result: Trained, delivery: Delivery) -> None:
    off = [[value + 1e-8 for value in row] for row in Predictor.probabilities]
    Predictor.answers = {"v1": Predictor.probabilities, "v2": off}
    with pytest.raises(RuntimeError, match=r"^model wine: v2: 0 classes differ, probabilities by 1e-08$"):
        proven(result.held_back)
    assert delivery.asked == ["delete models wine 1"]


def test_a_version_that_refuses_the_rows_is_deleted(result: Trained, delivery: Delivery) -> None:
    Predictor.status = 413
    with pytest.raises(RuntimeError) as failed:
        proven(result.held_back)
    assert str(failed.value) == 'model wine: HTTP 413 for held-back rows: {"error": "too much"}'
    assert delivery.asked == ["delete models wine 1"]


def test_a_version_that_never_answers_is_named_and_deleted(
    result: Trained, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    Predictor.digests = ["d0"]
    moments = iter([0.0, 60.0, 121.0])
    monkeypatch.setattr(time, "monotonic", lambda: next(moments, 122.0))
    with pytest.raises(TimeoutError, match=r"^model wine: not digest d1 but d0 answers after 120 s$"):
        proven(result.held_back)
    assert delivery.asked == ["delete models wine 1"]


def test_a_proven_version_whose_rollout_fails_is_left_to_the_controller(
    result: Trained, delivery: Delivery, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rolled_back(*_: str, **__: bool) -> Phase:
        raise RuntimeError("model wine: version 1 is not served: version 1 was aborted")

    monkeypatch.setattr(smoke, "roll_out", rolled_back)
    with pytest.raises(RuntimeError, match=r"^model wine: version 1 is not served: version 1 was aborted$"):
        proven(result.held_back)
    assert delivery.asked == []


def test_many_rows_are_asked_in_parts_and_all_compared(
    result: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(smoke, "in_parts", lambda rows: request_parts.in_parts(rows, 500))
    assert proven(result.held_back) == (54, 0.0)
    assert len(Predictor.lengths) > 10
    assert max(Predictor.lengths) < 1000
    assert Predictor.answers == {"v1": [], "v2": []}
    Predictor.answering([*Predictor.probabilities[:-1], [1.0, 0.0, 0.0]])
    with pytest.raises(RuntimeError, match=r"v1: [01] classes differ"):
        proven(result.held_back)


@pytest.mark.parametrize("target", ["class", "quantity"])
def test_raw_columns_are_sent_by_name(
    step_environment: Path, predictor: type[Predictor], delivery: Delivery, target: str
) -> None:
    found = trained(step_environment, "mixed", mixed(target))
    evidence = json.loads(Path(found.held_back.path).read_text())
    answers = evidence["probabilities"] or evidence["predicted"]
    whole = [answer for answer, row in zip(answers, evidence["rows"], strict=True) if None not in row]
    predictor.described = evidence["features"]
    predictor.answers = {"v1": answers, "v2": whole}
    assert proven(found.held_back) == (18, 0.0)
    first, second = predictor.asked
    assert first["instances"][0] == dict(zip(evidence["features"], evidence["rows"][0], strict=True))
    assert [each["datatype"] for each in second["inputs"]] == ["FP64", "BYTES", "BOOL", "BOOL"]
    assert second["inputs"][0]["shape"] == [len(whole)]
    assert predictor.answers == {"v1": [], "v2": []}
    assert delivery.asked == ["roll out models wine 1 d1"]


@pytest.mark.parametrize(("off", "passes"), [(5e-7, True), (2e-6, False)])
def test_vectors_may_differ_by_as_much_as_their_evidence_says(
    step_environment: Path, predictor: type[Predictor], delivery: Delivery, off: float, *, passes: bool
) -> None:
    held_back: Any = dsl.Dataset(uri=str(step_environment / "held_back.json"))
    vectors = [[0.6, 0.8], [0.8, -0.6]]
    evidence = {
        "features": ["text"],
        "kinds": ["text"],
        "classes": [],
        "rows": [["food"], ["bread"]],
        "labels": ["0", "0"],
        "predicted": vectors,
        "probabilities": [],
        "tolerance": 1e-6,
    }
    Path(held_back.path).write_text(json.dumps(evidence))
    predictor.described = ["text"]
    predictor.answering([[value + off for value in row] for row in vectors])
    if passes:
        assert proven(held_back) == (2, pytest.approx(off))
        assert [next(iter(body)) for body in predictor.asked] == ["instances", "inputs"]
        assert predictor.asked[1]["inputs"][0] | {"data": []} == {
            "name": "text",
            "shape": [2],
            "datatype": "BYTES",
            "data": [],
        }
    else:
        with pytest.raises(RuntimeError, match=r"^model wine: v1: predictions differ by 2e-06$"):
            proven(held_back)
        assert delivery.asked == ["delete models wine 1"]
