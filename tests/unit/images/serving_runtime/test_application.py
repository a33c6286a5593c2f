import asyncio
import gzip
import json
import threading
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from predictor.application import InferenceApplication, Scope, Send
from predictor.bodies import Bodies, Message, Receive
from predictor.matrix import Matrix
from predictor.measurements import Measurements, requests_counter
from predictor.served_model import ServedModel
from prometheus_client import CollectorRegistry

DIGEST = "d" * 64


class Reply:
    def __init__(self, messages: list[Message]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.content = b"".join(each.get("body", b"") for each in messages[1:])

    @property
    def body(self) -> Any:
        return json.loads(self.content)


class Server:
    """The application with a model that answers the sum of each row and twice that."""

    def __init__(self, predict: Any = None, max_body_bytes: int = 8 * 1024 * 1024) -> None:
        self.registry = CollectorRegistry()
        self.seconds: list[float] = []
        self.rows: list[int] = []
        self.passed_on: list[tuple[str, dict[bytes, bytes], bytes]] = []
        measurements = Measurements("wine", requests_counter(self.registry), self.seconds.append)
        model = ServedModel(
            name="wine",
            digest=DIGEST,
            matrix=Matrix(width=3, dtype=np.dtype("float64"), names=("a", "b", "c")),
            schema=None,
            predict_matrix=predict or self._predict,
            predict_any=None,  # pyright: ignore[reportArgumentType]
            properties={"model_digest": DIGEST},
        )
        self._application = InferenceApplication(model, self._fallback, measurements, Bodies(max_body_bytes))

    def _predict(self, matrix: Any) -> Any:
        self.rows.append(len(matrix))
        total = matrix.sum(axis=1)
        return np.column_stack([total, 2 * total])

    async def _fallback(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = (await receive()).get("body", b"") if scope["method"] != "GET" else b""
        self.passed_on.append((scope["path"], dict(scope["headers"]), body))
        await send({"type": "http.response.start", "status": 299, "headers": []})
        await send({"type": "http.response.body", "body": b'"fallback"'})

    def send(
        self,
        method: str,
        path: str,
        body: bytes = b"",
        chunks: int = 1,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        sent: list[Message] = []
        size = -(-len(body) // chunks) or 1
        parts = [body[i : i + size] for i in range(0, len(body), size)] or [b""]

        def messages() -> Iterator[Message]:
            for index, part in enumerate(parts):
                yield {"type": "http.request", "body": part, "more_body": index < len(parts) - 1}
            yield {"type": "http.disconnect"}

        stream = messages()

        async def receive() -> Message:
            return next(stream)

        async def collect(message: Message) -> None:
            sent.append(message)

        length = {"content-length": str(len(body)), **(headers or {})}
        raw = [(name.encode(), value.encode()) for name, value in length.items()]
        scope: Scope = {"type": "http", "method": method, "path": path, "headers": raw}
        asyncio.run(self._application(scope, receive, collect))
        return Reply(sent)

    async def status(self, path: str, body: bytes) -> int:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: Message) -> None:
            sent.append(message)

        scope: Scope = {"type": "http", "method": "POST", "path": path, "headers": []}
        await self._application(scope, receive, collect)
        return sent[0]["status"]

    def counted(self, **labels: str) -> float | None:
        return self.registry.get_sample_value(
            "plinth_prediction_requests_total", {"model_name": "wine", **labels}
        )


V1 = "/v1/models/wine:predict"
V2 = "/v2/models/wine/infer"
GOOD_V1 = b'{"instances": [[1, 2, 3.5], [0, 0, 1]]}'
GOOD_V2 = json.dumps(
    {"id": "42", "inputs": [{"name": "x", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3.5, 0, 0, 1]}]}
).encode()


def test_v1_answers_one_prediction_per_row_and_names_the_model_by_its_digest() -> None:
    server = Server()
    reply = server.send("POST", V1, GOOD_V1)
    assert (reply.status, reply.body) == (200, {"predictions": [[6.5, 13.0], [1.0, 2.0]]})
    assert reply.headers["x-model-digest"] == DIGEST
    assert server.counted(protocol="v1", code="200") == 1
    assert len(server.seconds) == 1


def test_v2_answers_a_tensor_with_the_requests_id() -> None:
    reply = Server().send("POST", V2, GOOD_V2)
    assert reply.status == 200
    output = {"name": "output-0", "datatype": "FP64", "shape": [2, 2], "data": [6.5, 13.0, 1.0, 2.0]}
    assert reply.body == {"model_name": "wine", "id": "42", "outputs": [output]}


@pytest.mark.parametrize("value", [0.1, 1 / 3, 5e-324, 1.7976931348623157e308, -0.0, 123456789.123456789])
def test_numbers_arrive_and_leave_bit_for_bit(value: float) -> None:
    server = Server(predict=lambda matrix: matrix)  # pyright: ignore[reportUnknownLambdaType]
    body = json.dumps({"instances": [[value, 0, 0]]}).encode()
    (row,) = server.send("POST", V1, body).body["predictions"]
    assert np.float64(row[0]).tobytes() == np.float64(value).tobytes()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "reason"),
    [
        ("POST", V1, b'{"instances": [[1, 2', 400, "not JSON"),
        ("POST", V1, b"", 400, "the body is empty"),
        ("POST", V1, b"[[1, 2, 3]]", 400, 'JSON object with "instances"'),
        ("POST", V1, b'{"rows": []}', 400, 'JSON object with "instances"'),
        ("POST", V1, b'{"instances": [[1, 2]]}', 400, "row 0 has 2 values"),
        ("POST", V1, b'{"instances": [["1", 2, 3]]}', 400, "a value is a string"),
        ("POST", V1, b'{"instances": [[NaN, 2, 3]]}', 400, "not JSON"),
        ("POST", V1, b'{"instances": [[1e999, 2, 3]]}', 400, "not JSON"),
        ("POST", V1, b"\xff\xfe\x00", 400, "not JSON"),
        ("POST", V1, b"[" * 100_000, 400, "not JSON"),
        ("POST", V2, b'{"instances": [[1, 2, 3]]}', 400, 'JSON object with "inputs"'),
        ("POST", V2, b'{"inputs": [], "id": "1"}', 400, "non-empty list of tensors"),
        ("POST", V2, GOOD_V2.replace(b'"42"', b"42"), 400, '"id" must be a string'),
        ("POST", V2, GOOD_V2.replace(b"FP64", b"FP65"), 400, "is FP65: there are"),
        ("POST", V2, GOOD_V2.replace(b"FP64", b"BYTES"), 400, "a number: the model takes text"),
        ("POST", V2, b"", 400, "the body is empty"),
        ("POST", "/v1/models/beer:predict", GOOD_V1, 404, "this server has 'wine'"),
        ("POST", "/v2/models/beer/infer", GOOD_V2, 404, "this server has 'wine'"),
        ("GET", V1, b"", 405, "use POST"),
        ("PUT", V1, GOOD_V1, 405, "use POST"),
        ("GET", V2, b"", 405, "use POST"),
        ("DELETE", V2, b"", 405, "use POST"),
    ],
)
def test_bad_requests_get_a_clear_4xx_and_the_next_good_one_its_answer(
    method: str, path: str, body: bytes, status: int, reason: str
) -> None:
    server = Server()
    reply = server.send(method, path, body)
    assert reply.status == status
    assert reason in reply.body["error"]
    assert "\n" not in reply.body["error"]
    assert not server.rows, "the model was asked"
    protocol = path[1:3]
    assert server.counted(protocol=protocol, code=str(status)) == 1
    assert server.send("POST", V1, GOOD_V1).status == 200


def test_a_wrong_method_is_told_the_right_one() -> None:
    assert Server().send("GET", V1).headers["allow"] == "POST"


@pytest.mark.parametrize("chunks", [1, 50])
def test_a_body_of_20_mb_is_read_and_refused(chunks: int) -> None:
    server = Server()
    body = b'{"instances": [[' + b"1," * 10_000_000 + b"1]]}"
    reply = server.send("POST", V1, body, chunks)
    assert reply.status == 413
    assert "larger than 8388608 bytes" in reply.body["error"]
    assert server.counted(protocol="v1", code="413") == 1


def test_a_client_that_asks_before_it_sends_too_much_is_refused_at_once() -> None:
    reply = Server(max_body_bytes=10).send("POST", V1, GOOD_V1, headers={"expect": "100-continue"})
    assert reply.status == 413


def test_a_large_good_body_is_answered_too() -> None:
    server = Server()
    rows = [[1, 2, 3]] * 20_000
    reply = server.send("POST", V1, json.dumps({"instances": rows}).encode(), 7)
    assert reply.status == 200
    assert server.rows == [20_000]
    assert reply.body["predictions"] == [[6.0, 12.0]] * 20_000


def test_a_model_that_refuses_the_values_is_a_bad_request() -> None:
    def refuse(_: Any) -> Any:
        raise ValueError("Input X must be positive\nsecond line")

    reply = Server(predict=refuse).send("POST", V1, GOOD_V1)
    assert reply.status == 400
    assert reply.body["error"] == "the model refuses the input: Input X must be positive"


def test_a_model_that_fails_is_a_500_that_tells_no_internals() -> None:
    def fail(_: Any) -> Any:
        raise RuntimeError("secret detail")

    server = Server(predict=fail)
    reply = server.send("POST", V1, GOOD_V1)
    assert reply.status == 500
    assert "secret" not in reply.body["error"]
    assert server.counted(protocol="v1", code="500") == 1


def test_metadata_carries_the_digest() -> None:
    server = Server()
    assert server.send("GET", "/v1/models/wine").body == {
        "name": "wine",
        "ready": True,
        "model_digest": DIGEST,
    }
    metadata = server.send("GET", "/v2/models/wine").body
    assert metadata["inputs"] == [{"name": "input-0", "datatype": "FP64", "shape": [-1, 3]}]
    assert metadata["properties"]["model_digest"] == DIGEST


@pytest.mark.parametrize(
    ("method", "path", "headers"),
    [
        ("GET", "/", {}),
        ("GET", "/v2/models/wine/ready", {}),
        ("GET", "/v2/health/live", {}),
        ("GET", "/v2/health/ready", {}),
        ("HEAD", "/metrics", {}),
        ("POST", V1, {"ce-id": "1"}),
        ("POST", V1, {"content-type": "application/cloudevents+json"}),
    ],
)
def test_probes_metrics_and_events_are_left_to_kserve(
    method: str, path: str, headers: dict[str, str]
) -> None:
    assert Server().send(method, path, GOOD_V1, headers=headers).status == 299


@pytest.mark.parametrize(
    "path",
    ["/v2/repository/index", "/v2/repository/models/wine/unload", "/v2/models/beer/ready", "/openapi.json"],
)
@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
@pytest.mark.parametrize("headers", [{}, {"ce-id": "1"}])
def test_no_other_path_answers(method: str, path: str, headers: dict[str, str]) -> None:
    server = Server()
    reply = server.send(method, path, headers=headers)
    assert (reply.status, server.passed_on) == (404, [])
    assert f"nothing at {path}" in reply.body["error"]


def test_metrics_are_not_for_those_who_come_through_the_gateway() -> None:
    server = Server()
    assert server.send("GET", "/metrics", headers={"x-forwarded-for": "192.0.2.1"}).status == 404
    assert server.send("GET", "/ping", headers={"x-forwarded-for": "192.0.2.1"}).status == 200
    assert not server.passed_on


@pytest.mark.parametrize("path", ["/v2/models", "/v2/health/ready", "/metrics"])
def test_what_is_only_read_refuses_to_be_written(path: str) -> None:
    server = Server()
    reply = server.send("POST", path, GOOD_V1)
    assert (reply.status, reply.headers["allow"], server.passed_on) == (405, "GET", [])


def test_a_compressed_body_has_the_answer_of_the_plain_one() -> None:
    server = Server()
    reply = server.send("POST", V1, gzip.compress(GOOD_V1), headers={"content-encoding": "gzip"})
    assert reply.body == server.send("POST", V1, GOOD_V1).body
    refused = server.send("POST", V1, GOOD_V1, headers={"content-encoding": "br"})
    assert (refused.status, refused.headers["accept-encoding"]) == (415, "gzip")


BOMB = gzip.compress(b"[" * 20_000_000)


@pytest.mark.parametrize(
    "path",
    [V1, V2, "/invocations", "/v2/models/wine/versions/1/infer"],
)
@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (b"x" * 9_000_000, {}),
        (BOMB, {"content-encoding": "gzip"}),
        (b"x" * 9_000_000, {"inference-header-content-length": "10"}),
        (b"x" * 9_000_000, {"ce-id": "1"}),
        (b"x" * 9_000_000, {"content-length": ""}),
    ],
)
def test_the_limit_holds_on_every_path_with_any_header_and_encoding(
    path: str, body: bytes, headers: dict[str, str]
) -> None:
    server = Server()
    assert server.send("POST", path, body, 9, headers).status == 413
    assert not server.passed_on


def test_what_is_left_to_kserve_arrives_decompressed() -> None:
    server = Server()
    server.send("POST", V1, gzip.compress(GOOD_V1), headers={"content-encoding": "gzip", "ce-id": "1"})
    ((path, headers, body),) = server.passed_on
    assert (path, body, headers[b"content-length"]) == (V1, GOOD_V1, str(len(GOOD_V1)).encode())
    assert b"content-encoding" not in headers


@pytest.mark.parametrize("version", ["1", "7"])
def test_a_version_in_the_path_is_the_one_that_is_served(version: str) -> None:
    server = Server()
    assert server.send("POST", f"/v2/models/wine/versions/{version}/infer", GOOD_V2).status == 200
    assert server.send("GET", f"/v2/models/wine/versions/{version}").body["name"] == "wine"
    server.send("GET", f"/v2/models/wine/versions/{version}/ready")
    assert server.passed_on[0][0] == "/v2/models/wine/ready"
    assert server.send("POST", "/v2/models/beer/versions/1/infer", GOOD_V2).status == 404


def test_binary_tensors_go_in_and_out() -> None:
    row = np.array([1, 2, 3.5])
    described = {"name": "x", "datatype": "FP64", "shape": [1, 3], "parameters": {"binary_data_size": 24}}
    text = json.dumps({"inputs": [described], "parameters": {"binary_data_output": True}}).encode()
    headers = {"inference-header-content-length": str(len(text))}
    reply = Server().send("POST", V2, text + row.tobytes(), headers=headers)
    length = int(reply.headers["inference-header-content-length"])
    assert reply.headers["content-type"] == "application/octet-stream"
    assert json.loads(reply.content[:length])["outputs"][0]["shape"] == [1, 2]
    assert np.frombuffer(reply.content[length:]).tolist() == [6.5, 13.0]
    for wrong in ("9999", "ten"):
        bad = Server().send("POST", V2, text, headers={"inference-header-content-length": wrong})
        assert (bad.status, "inference-header-content-length" in bad.body["error"]) == (400, True)


def test_mlflows_own_protocol_is_answered_and_counted() -> None:
    server = Server()
    split = {"columns": ["0", "1", "2"], "data": [[1, 2, 3.5]]}
    reply = server.send("POST", "/invocations", json.dumps({"dataframe_split": split}).encode())
    assert (reply.status, reply.body) == (200, {"predictions": [[6.5, 13.0]]})
    csv = server.send(
        "POST", "/invocations", b"c,b,a\n3.5,2,1\n", headers={"content-type": "text/csv; charset=utf-8"}
    )
    assert csv.body == {"predictions": [[6.5, 13.0]]}
    assert server.counted(protocol="invocations", code="200") == 2
    assert server.send("GET", "/ping").content == b"\n"
    assert server.send("GET", "/invocations").status == 405


def test_an_answer_that_json_cannot_carry_is_a_500_that_names_it() -> None:
    reply = Server(predict=lambda _: {"z": 1j}).send("POST", V1, GOOD_V1)  # pyright: ignore
    assert reply.status == 500
    assert "type complex" in reply.body["error"]


def test_large_bodies_at_once_are_parsed_one_after_another() -> None:
    inside: list[int] = []
    most: list[int] = []
    began = threading.Event()

    def predict(matrix: Any) -> Any:
        inside.append(1)
        most.append(len(inside))
        began.wait(0.02)
        inside.pop()
        return matrix.sum(axis=1)

    server = Server(predict, max_body_bytes=400_000)
    body = json.dumps({"instances": [[1, 2, 3]] * 30_000}).encode()

    async def at_once() -> list[int]:
        return await asyncio.gather(*(server.status(V1, body) for _ in range(8)))

    assert asyncio.run(at_once()) == [200] * 8
    assert max(most) == 1
