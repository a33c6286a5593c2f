"""Labelled rows, line by line: what counts, for which version, and what does not."""

import json
import tracemalloc
from datetime import UTC, datetime

import pytest

from delivery.experiments import tally as tally_module
from delivery.experiments.records import Answered, Measured
from delivery.experiments.tally import Tally
from tests.unit.delivery.experiments.labelled import answered
from tests.unit.workloads.retraining.feedback import label
from workloads.serving.experiment_request import Metric

_BEGIN = datetime(2026, 11, 30, 12, tzinfo=UTC)
_LOW, _HIGH = [0.75, 0.25], [0.25, 0.75]


def _measured(
    labels: list[bytes], new: list[bytes], former: list[bytes], metric: Metric = Metric.ACCURACY
) -> Measured:
    made = Tally(metric, _BEGIN)
    for each in labels:
        made.add_label(each)
    classes = ("low", "high") if metric is Metric.ACCURACY else ()
    for is_challenger, lines in ((True, new), (False, former)):
        made.begin_version(is_challenger=is_challenger, classes=classes)
        for each in lines:
            made.add_request(each)
    return made.measured()


def test_rows_are_counted_for_the_version_that_answered_them() -> None:
    labels = [label("a", "low"), label("b", "high"), label("c", "low"), label("d:0", "low")]
    found = _measured(
        labels,
        [answered("a", _LOW), answered("b", _LOW), answered("without", _LOW)],
        [answered("c", _LOW), answered("d", _LOW)],
    )
    assert (found.challenger.rows, found.challenger.mean) == (2, 0.5)
    assert (found.champion.rows, found.champion.mean) == (2, 1.0)
    assert (found.left_out, found.is_full) == ("", False)


@pytest.mark.parametrize(
    ("metric", "mean"), [(Metric.SQUARED_ERROR, (9 + 1) / 2), (Metric.ABSOLUTE_ERROR, (3 + 1) / 2)]
)
def test_quantities_are_compared_by_their_errors(metric: Metric, mean: float) -> None:
    labels = [label("a", 10), label("b", "4.5")]
    found = _measured(labels, [answered("a", [7.0]), answered("b", [5.5])], [], metric)
    assert (found.challenger.rows, found.challenger.mean) == (2, mean)


def test_rows_of_one_request_and_requests_of_one_unit_are_one_unit_with_their_mean() -> None:
    labels = [label(f"a:{at}", "low") for at in range(4)] + [label(each, "low") for each in "bcd"]
    found = _measured(
        labels,
        [
            answered("a", _LOW, _LOW, _LOW, _HIGH),
            answered("b", _LOW, unit="AB12"),
            answered("c", _HIGH, unit="ab12"),
            answered("d", _LOW, unit="0f"),
        ],
        [],
    )
    assert found.challenger.rows == 7
    sample = found.challenger.sample
    assert (sample.units, sample.total) == (3, pytest.approx(0.75 + 0.5 + 1.0))
    assert sample.total_of_squares == pytest.approx(0.75**2 + 0.5**2 + 1.0)


def test_for_one_version_requests_count_by_their_share_of_wrong_rows_whatever_their_unit() -> None:
    made = Tally(Metric.ACCURACY, _BEGIN)
    for each in [label(f"a:{at}", "low") for at in range(4)] + [label(each, "low") for each in "bcd"]:
        made.add_label(each)
    made.begin_version(is_challenger=False, classes=("low", "high"))
    for each in (
        answered("a", _LOW, _LOW, _LOW, _HIGH),
        answered("b", _LOW, unit="ab12"),
        answered("c", _HIGH, unit="ab12"),
        answered("without", _HIGH),
    ):
        made.add_request(each)
    assert made.answered() == Answered(
        rows=6, wrong_rows=2, requests=3, wrong=1.25, left_out="left out: 1 labels of no row in the window"
    )


def test_without_labels_nothing_is_right_or_wrong() -> None:
    assert Tally(Metric.ACCURACY, _BEGIN).answered() == Answered()


def test_a_request_that_is_stored_twice_counts_once_and_an_id_that_is_used_again_not_at_all() -> None:
    labels = [label(each, "low") for each in "abc"]
    found = _measured(
        labels,
        [answered("a", _LOW), answered("a", _LOW), answered("b", _LOW), answered("b", _HIGH)],
        # The caller has tried again, and met the other version.
        [answered("c", _LOW), answered("a", _LOW)],
    )
    assert (found.challenger.rows, found.champion.rows) == (0, 1)
    assert found.left_out == "left out: 2 labels of an id that several requests had"


def test_what_was_answered_before_it_began_does_not_count() -> None:
    early = answered("a", _LOW, at="2026-11-30T11:59:59.999Z")
    assert _measured([label("a", "low")], [early, answered("b", _LOW)], []).challenger.rows == 0


def test_what_cannot_be_compared_is_counted_apart() -> None:
    binary = json.loads(answered("e", _LOW))
    binary["captureData"]["endpointOutput"] = {"data": "AAAA", "encoding": "BASE64"}
    found = _measured(
        [
            label("a", "low"),
            label("a", "high"),
            label("b", "low"),
            label("c", "low"),
            b"{",
            label("lost", "low"),
        ],
        [
            answered("a", _LOW),
            answered("b", [0.5]),
            answered("c", _LOW),
            b"nonsense",
            json.dumps(binary).encode(),
        ],
        [],
    )
    assert found.challenger.rows == 1
    assert found.left_out == (
        "left out: 1 lines that are no label, 2 labels that disagree with another of the same row, "
        "1 labels of no row in the window, 2 answers or labels that the metric cannot compare"
    )


@pytest.mark.parametrize("given", ["nan", "inf", "high", ""])
def test_a_label_that_is_no_quantity_has_no_error(given: str) -> None:
    found = _measured([label("a", given)], [answered("a", [1.0])], [], Metric.SQUARED_ERROR)
    assert found.challenger.rows == 0


def test_more_labels_than_it_takes_are_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tally_module, "MOST_ROWS", 2)
    labels = [label(each, "low") for each in "abc"]
    found = _measured(labels, [answered(each, _LOW) for each in "abc"], [])
    assert (found.challenger.rows, found.is_full) == (2, True)


def test_memory_is_bounded_by_its_most_rows() -> None:
    count = 4_000
    tracemalloc.start()
    try:
        made = Tally(Metric.ACCURACY, _BEGIN)
        for each in range(count):
            made.add_label(label(f"{each:032x}:0", "low"))
        made.begin_version(is_challenger=True, classes=("low", "high"))
        for each in range(count):
            made.add_request(answered(f"{each:032x}", _LOW))
        assert made.measured().challenger.rows == count
        # Of as many rows as it takes, with what the controller needs anyway, three quarters of its limit.
        assert tracemalloc.get_traced_memory()[1] / count < 600
    finally:
        tracemalloc.stop()
