"""The recorder behind the application: what is kept and counted of requests, and what never is."""

import asyncio
import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from mlflow.types import DataType
from predictor import reference
from predictor.recorder import RecordSettings
from predictor.reference import Reference, Variable

from tests.unit.images.serving_runtime import models
from tests.unit.images.serving_runtime.recording import V1, V2, RecordingServer, matrix_model, v1

SECRET = 918273.5


def number(name: str) -> Variable:
    return Variable(name=name, kind="number", reference=(5, 5, 0), edges=(10.0,), low=0.0, high=20.0)


CLASS = Variable(name="class", kind="text", reference=(5, 5, 0, 0), codes=(("low", 0), ("high", 1)))
CONFIDENCE = Variable(name="confidence", kind="number", reference=(5, 5, 0), edges=(0.75,), low=0.5, high=1.0)
REFERENCE = Reference(
    rows=10, held_back_rows=4, features=(number("a"), number("b"), number("c")), answers=(CLASS, CONFIDENCE)
)


def infer(row: list[float], binary: bool = False) -> bytes:
    tensor = {"name": "x", "shape": [1, 3], "datatype": "FP64", "data": row}
    return json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": binary}}).encode()


def test_every_request_is_kept_once_with_the_answer_its_caller_got_byte_for_byte() -> None:
    server = RecordingServer()
    replies = {
        "r1": server.predict(v1([1, 2, 3.25]), identity="r1"),
        "r2": server.predict(v1([0.1, 0, 0], [1, 1, 1]), identity="r2"),
        "r3": server.predict(infer([1, 2, 3]), V2, "r3"),
        "r4": server.predict(infer([1, 2, 3], binary=True), V2, "r4"),
        "r5": server.predict(b'{"dataframe_records": [{"c": 3, "b": 2, "a": 1}]}', "/invocations", "r5"),
        "r6": server.predict(b"a,b,c\n1,2,\n", "/invocations", "r6", [(b"content-type", b"text/csv")]),
    }
    assert [each.status for each in replies.values()] == [200] * 6
    lines = server.pull("/payloads").lines
    assert [each["eventMetadata"]["eventId"] for each in lines] == list(replies)
    for line in lines:
        output = line["captureData"]["endpointOutput"]
        binary = output["encoding"] == "BASE64"
        data = base64.b64decode(output["data"]) if binary else output["data"].encode()
        assert data == replies[line["eventMetadata"]["eventId"]].content
    assert [each["captureData"]["endpointOutput"]["encoding"] for each in lines].count("BASE64") == 1
    given = [json.loads(each["captureData"]["endpointInput"]["data"])["dataframe_split"] for each in lines]
    assert {tuple(each["columns"]) for each in given} == {("a", "b", "c")}
    assert [each["data"] for each in given] == [
        [[1.0, 2.0, 3.25]],
        [[0.1, 0.0, 0.0], [1.0, 1.0, 1.0]],
        [[1.0, 2.0, 3.0]],
        [[1.0, 2.0, 3.0]],
        [[1.0, 2.0, 3.0]],
        [[1.0, 2.0, None]],
    ]


def test_a_kept_request_sent_again_has_the_same_answer() -> None:
    server = RecordingServer()
    first = server.predict(v1([0.1, 0.2, 0.3], [1, 2, 3]))
    (line,) = server.pull("/payloads").lines
    again = server.predict(line["captureData"]["endpointInput"]["data"].encode(), "/invocations")
    assert again.content == first.content


def test_the_id_is_the_callers_or_a_new_one_and_always_in_the_answer() -> None:
    server = RecordingServer()
    assert server.predict(v1([1, 2, 3]), identity="mine").headers["x-request-id"] == "mine"
    made = server.predict(v1([1, 2, 3])).headers["x-request-id"]
    lines = server.pull("/payloads").lines
    assert [each["eventMetadata"]["eventId"] for each in lines] == ["mine", made]
    assert server.predict(b"{", identity="bad").headers["x-request-id"] == "bad"
    assert server.predict(b"{}", "/elsewhere", "lost").headers["x-request-id"] == "lost"
    event = [(b"ce-id", b"1")]
    assert server.predict(v1([1, 2, 3]), identity="event", headers=event).headers["x-request-id"] == "event"


def test_requests_that_fail_are_neither_kept_nor_counted() -> None:
    server = RecordingServer(reference=REFERENCE)
    assert server.predict(v1([1, 2])).status == 400

    def fail(_: Any) -> Any:
        raise ValueError("no")

    failing = RecordingServer(reference=REFERENCE, model=matrix_model(fail))
    assert failing.predict(v1([1, 2, 3])).status == 400
    for each in (server, failing):
        assert each.pull("/payloads").content == b""
        counts = each.pull("/bins").body
        assert (counts["requests"], counts["unmonitored_requests"]) == (0, 0)
        assert counts["variables"]["feature/a"]["counts"] == [0, 0, 0]


def test_a_share_of_the_requests_is_kept_the_same_in_every_process() -> None:
    identities = [f"request-{at}" for at in range(1000)]

    async def kept() -> list[str]:
        server = RecordingServer(RecordSettings(sample_rate=0.1), REFERENCE)
        for each in identities:
            await server.predicted(v1([1, 2, 3]), identity=each)
        assert (await server.pulled("/bins")).body["requests"] == 1000
        lines = (await server.pulled("/payloads")).lines
        return [each["eventMetadata"]["eventId"] for each in lines]

    first, second = asyncio.run(kept()), asyncio.run(kept())
    assert first == second
    # Three standard errors of a share of 10 %.
    assert 70 <= len(first) <= 130


def test_one_row_of_each_request_is_counted_in_the_bins_of_training() -> None:
    server = RecordingServer(reference=REFERENCE)
    server.predict(v1([1, 15, 25]))
    server.predict(v1(*[[-30, 1, 1]] * 50))
    counts = server.pull("/bins").body
    assert (counts["requests"], counts["rows"], counts["recorded_rows"]) == (2, 51, 51)
    assert counts["reference"] == {"rows": 10, "held_back_rows": 4}
    assert counts["variables"] == {
        "feature/a": {
            "kind": "number",
            "counts": [2, 0, 0],
            "reference": [5, 5, 0],
            "changes": 1,
            "outside": 1,
        },
        "feature/b": {
            "kind": "number",
            "counts": [1, 1, 0],
            "reference": [5, 5, 0],
            "changes": 1,
            "outside": 0,
        },
        "feature/c": {
            "kind": "number",
            "counts": [1, 1, 0],
            "reference": [5, 5, 0],
            "changes": 1,
            "outside": 1,
        },
        "answer/class": {"kind": "text", "counts": [1, 1, 0, 0], "reference": [5, 5, 0, 0], "changes": 1},
        "answer/confidence": {
            "kind": "number",
            "counts": [0, 2, 0],
            "reference": [5, 5, 0],
            "changes": 1,
            "outside": 0,
        },
    }


def test_rows_are_counted_though_no_request_is_kept() -> None:
    server = RecordingServer(RecordSettings(), REFERENCE)
    server.predict(v1([1, 2, 30]))
    server.predict(v1([11, 12, 3], [1, 12, 3]), identity="r2")
    counts = server.pull("/bins").body
    assert (counts["requests"], counts["rows"], counts["recorded_requests"]) == (2, 3, 0)
    assert [sum(each["counts"]) for each in counts["variables"].values()] == [2] * 5
    assert counts["variables"]["feature/c"]["counts"] == [1, 1, 0]
    assert (server.pull("/payloads").content, len(server.recorder.ring.first(9, 9999))) == (b"", 0)


@pytest.mark.parametrize(
    ("reference", "copies"), [pytest.param(REFERENCE, 1, id="bins"), pytest.param(None, 0, id="no bins")]
)
def test_a_row_is_copied_only_if_something_is_counted(reference: Reference | None, copies: int) -> None:
    class Row(np.ndarray[Any, Any]):
        copied = 0

        def copy(self, order: Any = "C") -> Any:
            Row.copied += 1
            return np.array(self)

    look = RecordingServer(RecordSettings(), reference).recorder.look(b"r1")
    assert look is not None
    look.at_input(np.array([[1.0, 2.0, 3.0]]).view(Row))
    assert Row.copied == copies


@pytest.mark.parametrize("rate", [1.0, 1e-9])
def test_an_excluded_feature_is_in_no_byte_of_the_output(rate: float) -> None:
    named = matrix_model(names=("age", "income", "height"))
    features = (number("age"), number("income"), number("height"))
    known = Reference(rows=10, held_back_rows=4, features=features, answers=(CLASS, CONFIDENCE))
    settings = RecordSettings(sample_rate=rate, excluded_features=("income",))
    server = RecordingServer(settings, known, named)
    server.predict(v1([1, SECRET, 3]))
    server.predict(v1([1, SECRET, 3], [4, SECRET, 6]))
    server.predict(json.dumps({"instances": [{"age": 1, "income": SECRET, "height": 15}]}).encode())
    kept = server.pull("/payloads")
    bins = server.pull("/bins")
    for reply in (kept, bins):
        assert b"income" not in reply.content
        assert b"918273" not in reply.content
    assert len(kept.lines) == (3 if rate == 1.0 else 0)
    variables = bins.body["variables"]
    assert set(variables) == {"feature/age", "feature/height", "answer/class", "answer/confidence"}
    assert variables["feature/height"]["counts"] == [2, 1, 0]
    # Neither is it in memory.
    for entry in server.recorder.ring.first(10, 10**6):
        assert entry.given.shape[1] == 2


def test_where_features_have_no_names_nothing_is_kept_if_some_are_excluded() -> None:
    settings = RecordSettings(sample_rate=1.0, excluded_features=("income",))
    server = RecordingServer(settings, None, matrix_model(names=()))
    assert server.predict(v1([1, SECRET, 3])).status == 200
    assert server.pull("/payloads").content == b""
    assert server.pull("/bins").body["unmonitored_requests"] == 1
    plain = RecordingServer(model=matrix_model(names=()))
    plain.predict(v1([1, 2, 3]))
    (line,) = plain.pull("/payloads").lines
    assert line["captureData"]["endpointInput"]["data"] == '{"instances":[[1.0,2.0,3.0]]}'


def test_a_model_that_writes_into_its_input_changes_no_record() -> None:
    def spoil(matrix: Any) -> Any:
        matrix[:] = 0
        return np.full((len(matrix), 2), 0.5)

    server = RecordingServer(reference=REFERENCE, model=matrix_model(spoil))
    server.predict(v1([1, 15, 15]))
    (line,) = server.pull("/payloads").lines
    assert '"data":[[1.0,15.0,15.0]]' in line["captureData"]["endpointInput"]["data"]
    assert server.pull("/bins").body["variables"]["feature/b"]["counts"] == [0, 1, 0]


def test_large_requests_answered_in_threads_are_kept_and_counted_too() -> None:
    server = RecordingServer(reference=REFERENCE)
    body = v1(*[[1.0, 2.0, float(at)] for at in range(4000)])
    assert len(body) > 64 * 1024

    async def several() -> None:
        await asyncio.gather(*(server.predicted(body, identity=f"r{at}") for at in range(3)))

    asyncio.run(several())
    counts = server.pull("/bins").body
    assert (counts["requests"], counts["rows"], counts["dropped_rows"]) == (3, 12_000, 8000)
    assert sum(counts["variables"]["feature/c"]["counts"]) == 3
    (line,) = server.pull("/payloads").lines
    assert len(json.loads(line["captureData"]["endpointInput"]["data"])["dataframe_split"]["data"]) == 4000


def test_a_full_ring_that_nobody_pulls_drops_counts_and_changes_no_answer() -> None:
    server = RecordingServer(RecordSettings(sample_rate=1.0, most_rows=3), REFERENCE)
    replies = [server.predict(v1([at, 2, 3]), identity=f"r{at}") for at in range(10)]
    alone = RecordingServer(RecordSettings(sample_rate=1e-9))
    assert [each.content for each in replies] == [alone.predict(v1([at, 2, 3])).content for at in range(10)]
    reply = server.pull("/payloads")
    assert [each["eventMetadata"]["eventId"] for each in reply.lines] == ["r7", "r8", "r9"]
    assert reply.headers["x-payloads-dropped-requests"] == "7"
    assert server.pull("/bins").body["requests"] == 10


def test_requests_of_mixed_columns_are_kept_and_counted_without_what_is_excluded() -> None:
    schema = models.columns(
        ("size", DataType.double, True), ("colour", DataType.string, False), ("name", DataType.string, True)
    )
    model = models.served(lambda frame: np.full(len(frame), 1.5), schema)  # pyright: ignore[reportUnknownLambdaType]
    colour = Variable(name="colour", kind="text", reference=(5, 5, 0), codes=(("red", 0),))
    known = Reference(
        rows=10, held_back_rows=4, features=(number("size"), colour), answers=(number("prediction"),)
    )
    server = RecordingServer(RecordSettings(sample_rate=1.0, excluded_features=("name",)), known, model)
    server.predict(b'{"instances": [{"size": 1, "colour": "red", "name": "Ada"}]}')
    server.predict(b'{"instances": [{"size": 2, "name": "Ada"}]}')
    kept, bins = server.pull("/payloads"), server.pull("/bins")
    assert b"Ada" not in kept.content
    assert b"name" not in kept.content
    given = [
        json.loads(each["captureData"]["endpointInput"]["data"])["dataframe_split"] for each in kept.lines
    ]
    assert given == [
        {"columns": ["size", "colour"], "data": [[1.0, "red"]]},
        {"columns": ["size"], "data": [[2.0]]},
    ]
    variables = bins.body["variables"]
    assert variables["feature/colour"]["counts"] == [1, 0, 1]
    assert variables["feature/size"]["counts"] == [2, 0, 0]
    assert variables["answer/prediction"]["counts"] == [2, 0, 0]


def test_models_without_columns_are_counted_as_unmonitored() -> None:
    server = RecordingServer(model=models.served(lambda value: [1.0], None))  # pyright: ignore[reportUnknownLambdaType]
    assert server.predict(b'{"instances": [[1, 2]]}').status == 200
    server.recorder.count_unmonitored()
    counts = server.pull("/bins").body
    assert (counts["requests"], counts["unmonitored_requests"], counts["reference"]) == (0, 2, None)


def test_statistics_of_other_features_are_not_used(caplog: pytest.LogCaptureFixture) -> None:
    other = Reference(rows=10, held_back_rows=4, features=(number("z"),), answers=())
    server = RecordingServer(reference=other)
    assert server.predict(v1([1, 2, 3])).status == 200
    counts = server.pull("/bins").body
    assert (counts["variables"], counts["reference"], counts["requests"]) == ({}, None, 1)
    assert "the model has no features ['z']" in caplog.text


def test_a_folder_without_statistics_records_without_bins(tmp_path: Path) -> None:
    server = RecordingServer(reference=reference.read(tmp_path))
    server.predict(v1([1, 2, 3]))
    assert server.pull("/bins").body["variables"] == {}
    assert len(server.pull("/payloads").lines) == 1


def test_a_predictors_recording_is_off_without_a_recorder() -> None:
    server = RecordingServer()
    assert server.predict(v1([1, 2, 3]), V1).headers["x-model-digest"] == models.DIGEST
