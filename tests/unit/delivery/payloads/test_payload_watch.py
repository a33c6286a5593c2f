"""The round that pulls recorded requests: every one is stored once, whatever fails in between."""

import gzip
import json
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from delivery.payloads import payload_watch
from delivery.payloads.payload_watch import PayloadWatch
from delivery.payloads.store import PayloadStore
from delivery.rollouts.cluster import Cluster
from tests.unit.delivery.payloads.test_store import SETTINGS, Bucket
from tests.unit.delivery.stub_predictors import (
    CANARY,
    STABLE,
    StubPredictor,
    StubPredictors,
    line,
    stub_predictors,
)

_NOW = datetime(2026, 3, 4, 5, 6, tzinfo=UTC)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StubPredictors]:
    with stub_predictors(tmp_path) as made:
        url = f"{made.pod_url}/payloads?after={{after}}&limit={{limit}}"
        monkeypatch.setattr(payload_watch, "URL", url)
        yield made


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Bucket:
    made = Bucket()
    monkeypatch.setattr("delivery.payloads.bucket.boto3.client", lambda *_, **__: made)
    return made


def _watch(world: StubPredictors, keep_days: int | None = 7) -> PayloadWatch:
    return PayloadWatch(
        ["models", "team"], world.cluster, PayloadStore(SETTINGS), keep_days, clock=lambda: _NOW
    )


def _lines(*names: str) -> list[Any]:
    return [line([1.0, 2.0], [0.5], name) for name in names]


def _stored(bucket: Bucket) -> dict[str, list[str]]:
    """Return the ids in each object."""
    return {
        key: [json.loads(each)["eventMetadata"]["eventId"] for each in gzip.decompress(body).splitlines()]
        for key, (body, _) in bucket.objects.items()
    }


def _count(watch: PayloadWatch, name: str) -> float:
    found = [each for each in watch.text.splitlines() if each.startswith(f"plinth_payloads_{name}_total{{")]
    return sum(float(each.rpartition(" ")[2]) for each in found)


def test_every_request_is_stored_once_in_the_order_of_its_answer(
    world: StubPredictors, bucket: Bucket
) -> None:
    pod = world.deploy(STABLE, StubPredictor(recorded=_lines("r1", "r2")))
    watch = _watch(world)
    watch.round()
    pod.recorded += _lines("r3")
    watch.round()
    watch.round()
    hour = "models/wine/v1/2026/03/04/05"
    assert _stored(bucket) == {
        f"{hour}/ab12-0000000002.jsonl.gz": ["r1", "r2"],
        f"{hour}/ab12-0000000003.jsonl.gz": ["r3"],
    }
    assert pod.stored == 3
    assert _count(watch, "stored_requests") == 3


def test_lines_are_stored_byte_for_byte(world: StubPredictors, bucket: Bucket) -> None:
    recorded = _lines("r1", "ü")
    world.deploy(STABLE, StubPredictor(recorded=recorded))
    _watch(world).round()
    ((body, _),) = bucket.objects.values()
    assert gzip.decompress(body) == b"".join(json.dumps(each).encode() + b"\n" for each in recorded)


def test_more_than_one_answer_holds_are_pulled_at_once(
    world: StubPredictors, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(payload_watch, "_MOST_REQUESTS", 2)
    pod = world.deploy(STABLE, StubPredictor(recorded=_lines(*map(str, range(5)))))
    watch = _watch(world)
    watch.round()
    watch.round()
    assert [each for names in _stored(bucket).values() for each in names] == list("01234")
    assert pod.stored >= 4


def test_a_store_that_is_away_loses_nothing_until_the_pod_has_no_room(
    world: StubPredictors, bucket: Bucket
) -> None:
    pod = world.deploy(STABLE, StubPredictor(recorded=_lines("r1")))
    watch = _watch(world)
    bucket.error = OSError("full")
    watch.round()
    watch.round()
    assert (bucket.objects, pod.stored, _count(watch, "store_failures")) == ({}, 0, 2)
    # A replay has them all the same.
    assert [each.lines for each in watch.recent.of(STABLE, 1) or ()] == [1]
    bucket.error = None
    pod.recorded += _lines("r2")
    watch.round()
    assert list(_stored(bucket).values()) == [["r1", "r2"]]
    assert _count(watch, "stored_requests") == 2


def test_a_cluster_that_does_not_answer_is_not_taken_for_an_empty_one(
    world: StubPredictors, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    pod = world.deploy(STABLE, StubPredictor(recorded=_lines("r1")))
    watch = _watch(world)
    watch.round()
    with monkeypatch.context() as away:
        away.setattr(Cluster, "versions", lambda *_: 1 / 0)
        watch.round()
    assert len(watch.recent.of(STABLE, 1) or ()) == 1
    pod.recorded += _lines("r2")
    watch.round()
    assert list(_stored(bucket).values()) == [["r1"], ["r2"]]


def test_what_pods_had_no_room_for_is_counted(world: StubPredictors, bucket: Bucket) -> None:
    pod = world.deploy(STABLE, StubPredictor(dropped=100))
    watch = _watch(world)
    watch.round()
    assert _count(watch, "dropped_requests") == 0
    pod.dropped = 107
    watch.round()
    assert _count(watch, "dropped_requests") == 7
    # A process that starts again counts from zero.
    pod.process, pod.dropped = "cd34", 2
    watch.round()
    assert _count(watch, "dropped_requests") == 7


def test_a_process_that_starts_again_is_pulled_from_its_beginning(
    world: StubPredictors, bucket: Bucket
) -> None:
    pod = world.deploy(STABLE, StubPredictor(recorded=_lines("r1")))
    watch = _watch(world)
    watch.round()
    pod.process, pod.stored, pod.recorded = "cd34", 0, _lines("r2")
    watch.round()
    watch.round()
    assert list(_stored(bucket).values()) == [["r1"], ["r2"]]


@pytest.mark.parametrize("process", ["../../x", "", "AB", "a" * 40])
def test_a_pod_that_is_no_predictor_writes_nothing(
    world: StubPredictors, bucket: Bucket, caplog: pytest.LogCaptureFixture, process: str
) -> None:
    world.deploy(STABLE, StubPredictor(process=process, recorded=_lines("r1")))
    world.deploy(CANARY, StubPredictor(recorded=_lines("r2")))
    watch = _watch(world)
    watch.round()
    watch.round()
    assert list(_stored(bucket).values()) == [["r2"]]
    assert len([each for each in caplog.messages if "not the payloads of a predictor" in each]) == 1


def test_requests_too_large_for_one_answer_are_pulled_in_smaller_parts(
    world: StubPredictors, bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded = _lines(*map(str, range(20)))
    monkeypatch.setattr(payload_watch, "_MOST_BYTES", len(json.dumps(recorded[0])) * 3)
    monkeypatch.setattr(payload_watch, "_MOST_REQUESTS", 16)
    world.deploy(STABLE, StubPredictor(recorded=recorded))
    watch = _watch(world)
    for _ in range(40):
        watch.round()
    assert [each for names in _stored(bucket).values() for each in names] == [str(at) for at in range(20)]


def test_what_a_replay_wants_is_read_from_the_store_once(world: StubPredictors, bucket: Bucket) -> None:
    pod = world.deploy(STABLE, StubPredictor(recorded=_lines("r1", "r2")))
    _watch(world).round()
    assert pod.stored == 0
    pod.stored = 2
    watch = _watch(world)
    assert watch.recent.of(STABLE, 100) is None
    watch.round()
    assert [each.lines for each in watch.recent.of(STABLE, 100) or ()] == [2]


def test_a_store_that_cannot_be_read_leaves_a_replay_with_what_there_is(
    world: StubPredictors, bucket: Bucket
) -> None:
    world.deploy(STABLE, StubPredictor())
    watch = _watch(world)
    assert watch.recent.of(STABLE, 100) is None
    bucket.error = OSError("away")
    watch.round()
    assert watch.recent.of(STABLE, 100) == ()


@pytest.mark.parametrize(("keep_days", "left"), [(1, 0), (2, 1), (None, 1)])
def test_days_that_are_not_kept_are_deleted(
    world: StubPredictors, bucket: Bucket, keep_days: int | None, left: int
) -> None:
    bucket.put_object(Key="models/wine/v1/2026/03/03/05/ab-1.jsonl.gz", Body=b"")
    _watch(world, keep_days).round()
    assert len(bucket.objects) == left
