"""Replays: what a new version answers to recorded rows, compared with what callers got."""

import gzip
import json
from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from delivery.payloads.recent import Batch, Recent
from delivery.proofs import replays
from delivery.proofs.comparison import Replayed
from delivery.proofs.predictors import Predictors
from delivery.proofs.replays import Replays
from tests.unit.delivery.stub_predictors import (
    CANARY,
    STABLE,
    StubPredictor,
    StubPredictors,
    by_first_value,
    line,
    stub_predictors,
    swapped,
)


@pytest.fixture
def world(tmp_path: Path) -> Generator[StubPredictors]:
    with stub_predictors(tmp_path) as made:
        made.deploy(STABLE, StubPredictor())
        yield made


def recorded_rows(count: int = 100) -> Recent:
    """Return rows of which half are high, as the serving version has answered them."""
    recent = Recent()
    rows = [[at / count * 2, 0.0] for at in range(count)]
    answered = by_first_value({"instances": rows})[1]["predictions"]
    content = "".join(json.dumps(line(*pair)) + "\n" for pair in zip(rows, answered, strict=True))
    batch = Batch(name="1", content=gzip.compress(content.encode()), lines=count)
    recent.load(STABLE, [batch])
    return recent


def _replays(world: StubPredictors, recent: Recent, excluded: tuple[str, ...] = ()) -> Replays:
    return Replays(recent, Predictors(world.service_url, world.cluster), excluded)


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replay all rows in one call, however slow this machine is."""
    monkeypatch.setattr(replays, "_SECONDS", 60)


def _advance(found: Replays, most_rows: int = 500) -> Replayed | None:
    return found.advance("r", stable=STABLE, canary=CANARY, most_rows=most_rows)


def _counted(found: Replayed | None) -> tuple[int, int, bool]:
    assert found is not None
    return found.counts.rows, found.counts.different, found.is_over


def test_a_version_that_answers_alike_differs_in_no_row(world: StubPredictors) -> None:
    pod = world.deploy(CANARY, StubPredictor())
    assert _counted(_advance(_replays(world, recorded_rows()))) == (100, 0, True)
    # 32 rows at once, none of which its recorder takes for traffic.
    assert len(pod.requests) == 4
    assert all(identity.startswith("plinth-check-") for identity, _ in pod.requests)


def test_swapped_classes_differ_in_every_row(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor(predict=swapped))
    assert _counted(_advance(_replays(world, recorded_rows()))) == (100, 100, True)
    # Unless the version names them in that order.
    world.deploy(CANARY, StubPredictor(predict=swapped, classes=("high", "low")))
    assert _counted(_advance(_replays(world, recorded_rows()))) == (100, 0, True)


def test_no_more_rows_are_replayed_than_are_asked_for(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor())
    assert _counted(_advance(_replays(world, recorded_rows()), most_rows=40)) == (40, 0, True)


def test_a_call_is_bounded_in_time_and_the_next_one_goes_on(
    world: StubPredictors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replays, "_SECONDS", 1e-6)
    world.deploy(CANARY, StubPredictor())
    found = _replays(world, recorded_rows())
    assert [_counted(_advance(found)) for _ in range(4)] == [
        (32, 0, False),
        (64, 0, False),
        (96, 0, False),
        (100, 0, True),
    ]


def test_another_rollout_begins_anew(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor())
    found = _replays(world, recorded_rows())
    assert _counted(_advance(found))[0] == 100
    again = found.advance("other", stable=STABLE, canary=CANARY, most_rows=50)
    assert _counted(again) == (50, 0, True)


def test_rows_that_fail_count_as_different_and_those_beside_them_do_not(world: StubPredictors) -> None:
    def fails_at_zero(request: Any) -> tuple[int, Any]:
        if [0.0, 0.0] in request["dataframe_split"]["data"]:
            return 500, {"error": "no"}
        return by_first_value(request)

    world.deploy(CANARY, StubPredictor(predict=fails_at_zero))
    assert _counted(_advance(_replays(world, recorded_rows()))) == (100, 1, True)


def test_a_version_that_refuses_recorded_rows_differs_unless_features_are_excluded(
    world: StubPredictors,
) -> None:
    world.deploy(CANARY, StubPredictor(predict=lambda _: (400, {"error": "feature c is missing"})))
    assert _counted(_advance(_replays(world, recorded_rows(10)))) == (10, 10, True)
    found = _advance(_replays(world, recorded_rows(10), ("c",)))
    assert found is not None
    assert found.without.startswith("recorded rows may lack excluded features, and are refused: HTTP 400")


def test_a_version_that_does_not_answer_is_asked_again(world: StubPredictors) -> None:
    found = _replays(world, recorded_rows(10))
    assert _advance(found) is None
    pod = world.deploy(CANARY, StubPredictor())
    assert _counted(_advance(found)) == (10, 0, True)
    assert len(pod.requests) == 1


def test_a_serving_version_that_is_gone_is_not_in_the_way(world: StubPredictors) -> None:
    del world.pods[STABLE]
    world.deploy(CANARY, StubPredictor())
    assert _counted(_advance(_replays(world, recorded_rows(10)))) == (10, 0, True)


def test_without_recorded_rows_there_is_nothing_to_replay(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor())
    recent = Recent()
    found = _replays(world, recent)
    # Until the store was asked.
    assert _advance(found) is None
    recent.load(STABLE, [])
    assert _advance(found) == Replayed(without="no rows of version 1 are recorded")
