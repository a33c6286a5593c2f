"""What pullers get."""

import asyncio
import json
import socket
import urllib.request
from dataclasses import replace

import pytest
from predictor import monitoring
from predictor.measurements import RecorderMetrics
from predictor.recorder import RecordSettings
from predictor.reference import Reference
from prometheus_client import CollectorRegistry

from tests.unit.images.serving_runtime.recording import START, RecordingServer, v1


def identities(server: RecordingServer, query: str = "") -> list[str]:
    return [each["eventMetadata"]["eventId"] for each in server.pull("/payloads", query).lines]


def filled(requests: int) -> RecordingServer:
    server = RecordingServer()
    for at in range(requests):
        server.predict(v1([at, 2, 3]), identity=f"r{at}")
    return server


def test_a_line_is_a_record_of_data_capture() -> None:
    server = RecordingServer()
    reply = server.predict(v1([0, 2, 3]), identity="r0")
    assert server.pull("/payloads").lines == [
        {
            "captureData": {
                "endpointInput": {
                    "observedContentType": "application/json",
                    "mode": "INPUT",
                    "data": '{"dataframe_split":{"columns":["a","b","c"],"data":[[0.0,2.0,3.0]]}}',
                    "encoding": "JSON",
                },
                "endpointOutput": {
                    "observedContentType": "application/json",
                    "mode": "OUTPUT",
                    "data": reply.content.decode(),
                    "encoding": "JSON",
                },
            },
            "eventMetadata": {"eventId": "r0", "inferenceTime": "1970-01-01T00:00:01.500Z"},
            "eventVersion": "0",
        }
    ]


def test_the_unit_of_an_experiment_is_recorded_as_an_attribute() -> None:
    server = RecordingServer()
    server.predict(v1([0, 2, 3]), identity="r0", headers=[(b"x-experiment-unit", b"aB01")])
    server.predict(v1([0, 2, 3]), identity="r1", headers=[(b"x-experiment-unit", b"ann@example.com")])
    events = [each["eventMetadata"] for each in server.pull("/payloads").lines]
    assert [each.get("customAttributes") for each in events] == [["unit=aB01"], None]


def test_a_puller_that_says_what_it_has_stored_gets_every_request_once() -> None:
    server = filled(5)
    first = server.pull("/payloads", "limit=2")
    assert first.headers["x-payloads-next"] == f"{START}-2"
    assert first.headers["content-type"] == "application/jsonl"
    assert identities(server, f"after={START}-2&limit=2") == ["r2", "r3"]
    # What was not stored is given again.
    assert identities(server, f"after={START}-2&limit=2") == ["r2", "r3"]
    assert identities(server, f"after={START}-4") == ["r4"]
    last = server.pull("/payloads", f"after={START}-5")
    assert (last.content, last.headers["x-payloads-next"]) == (b"", f"{START}-5")


@pytest.mark.parametrize("after", ["", "4", "0123456789abcdef-4", f"{START}-x", f"{START}-", "-"])
def test_a_number_of_another_process_lets_nothing_go(after: str) -> None:
    server = filled(3)
    assert identities(server, f"after={after}") == ["r0", "r1", "r2"]
    assert identities(server) == ["r0", "r1", "r2"]


@pytest.mark.parametrize("limit", ["0", "1001", "many", "-1", "%C2%B2"])
def test_a_limit_that_cannot_be_is_refused(limit: str) -> None:
    reply = filled(1).pull("/payloads", f"limit={limit}")
    assert reply.status == 400
    assert reply.body["error"].endswith("give a number from 1 to 1000")


def test_an_answer_comes_in_slices_between_which_predictions_run() -> None:
    server = RecordingServer()

    async def both() -> tuple[int, list[int]]:
        for _ in range(4):
            await server.predicted(v1(*[[1, 2, 3]] * 200))
        order: list[int] = []

        async def predict() -> None:
            await server.predicted(v1([9, 9, 9]), identity="late")
            order.append(1)

        prediction = asyncio.create_task(predict())
        reply = await server.pulled("/payloads")
        order.append(2)
        await prediction
        assert len(reply.lines) == 4
        return len(reply.chunks), order

    assert asyncio.run(both()) == (4, [1, 2])


def test_only_the_pages_can_be_read() -> None:
    server = filled(1)
    assert server.pull("/").status == 404
    assert server.pull("/metrics").body == {"error": "there are /bins, /payloads and /golden"}
    refused = server.pull("/bins", method="POST")
    assert (refused.status, refused.headers["allow"]) == (405, "GET")


def test_golden_rows_are_a_page_as_training_wrote_them() -> None:
    golden = {"features": ["a"], "kinds": [], "classes": [], "rows": [[1.0]], "predicted": [0.1]}
    known = Reference(rows=1, held_back_rows=1, features=(), answers=(), golden=json.dumps(golden).encode())
    assert RecordingServer(reference=known).pull("/golden").body == golden
    for without in (None, replace(known, golden=b"")):
        reply = RecordingServer(reference=without).pull("/golden")
        assert (reply.status, reply.body) == (404, {"error": "the model carries no golden rows"})


def test_requests_that_prove_a_version_are_neither_kept_nor_counted() -> None:
    server = filled(1)
    assert server.predict(v1([1, 2, 3]), identity="plinth-check-7").status == 200
    assert identities(server) == ["r0"]
    assert server.pull("/bins").body["requests"] == 1


def test_counts_are_a_page_and_metrics() -> None:
    server = RecordingServer(RecordSettings(sample_rate=1.0, most_rows=2))
    registry = CollectorRegistry()
    RecorderMetrics(server.recorder, registry)
    for _ in range(3):
        server.predict(v1([1, 2, 3]))
    server.recorder.count_unmonitored()
    assert server.pull("/bins").body == {
        "start": START,
        "model": "wine",
        "digest": "d" * 64,
        "requests": 3,
        "rows": 3,
        "unmonitored_requests": 1,
        "recorded_requests": 3,
        "recorded_rows": 3,
        "dropped_requests": 1,
        "dropped_rows": 1,
        "reference": None,
        "variables": {},
    }
    labels = {"model_name": "wine"}
    values = [
        registry.get_sample_value(name, labels)
        for name in (
            "plinth_recorded_rows_total",
            "plinth_record_dropped_rows_total",
            "plinth_unmonitored_requests_total",
        )
    ]
    assert values == [3, 1, 1]


def _get(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as reply:  # noqa: S310 - of this process
        return reply.read()


def test_the_pages_have_a_port_of_their_own_while_the_server_runs() -> None:
    recorder = filled(1).recorder
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]

    async def asked() -> bytes:
        async with monitoring.serving(recorder, port):
            return await asyncio.to_thread(_get, f"http://127.0.0.1:{port}/bins")

    assert json.loads(asyncio.run(asked()))["start"] == START
    with socket.create_server(("0.0.0.0", port)) as again:  # noqa: S104 - free again
        assert again.getsockname()[1] == port


def test_without_a_recorder_there_is_no_port_and_a_port_that_is_taken_ends_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    reached: list[str] = []

    async def served(name: str, recorder: object, port: int) -> None:
        async with monitoring.serving(recorder, port):  # pyright: ignore[reportArgumentType]
            reached.append(name)

    with socket.create_server(("0.0.0.0", 0)) as taken:  # noqa: S104 - as the predictor listens
        port = taken.getsockname()[1]
        asyncio.run(served("off", None, port))
        assert caplog.text == ""
        asyncio.run(served("taken", filled(1).recorder, port))
    assert reached == ["off", "taken"]
    assert f"port {port} cannot be opened" in caplog.text
