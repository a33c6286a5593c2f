"""Answers of predictors, and of what is none."""

from typing import Any

import pytest

from delivery.monitoring.pod_counts import PodCounts
from tests.unit.delivery.monitoring.counted import EVEN, REFERENCES, bins, pod


def test_counts_are_those_of_the_page() -> None:
    found = PodCounts.from_json(bins(EVEN, times=2))
    assert found.start == "s1"
    assert found.variables["feature/a"] == {"counts": (50, 50, 50, 50, 0)}
    assert found.references == {name: tuple(each) for name, each in REFERENCES.items()}


def test_rows_are_those_since_the_answer_before() -> None:
    assert pod(EVEN, 5).since(pod(EVEN, 3)) == {
        "feature/a": (50, 50, 50, 50, 0),
        "answer/class": (100, 100, 0, 0),
    }


def test_a_process_that_began_again_has_counted_from_zero() -> None:
    assert pod(EVEN, 1, start="s2").since(pod(EVEN, 3)) == {name: tuple(each) for name, each in EVEN.items()}


def test_a_model_without_statistics_has_no_references() -> None:
    assert PodCounts.from_json({"start": "s1", "reference": None, "variables": {}}).references == {}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        pytest.param([], "not the counts of a predictor", id="a list"),
        pytest.param({"start": "s"}, "not the counts of a predictor", id="no variables"),
        pytest.param(
            {"start": "s", "variables": {"a": {"counts": [1, True], "reference": [1, 1]}}},
            "not the counts of a predictor",
            id="no numbers",
        ),
        pytest.param(
            {"start": "s", "variables": {"a": {"counts": [-1], "reference": [1]}}},
            "not the counts of a predictor",
            id="less than none",
        ),
        pytest.param(
            {"start": "s", "variables": {"a": {"counts": [1], "reference": [1, 1]}}},
            "a has other bins than at training",
            id="other bins",
        ),
        pytest.param(
            {"start": "s", "variables": {"a": {"counts": [1] * 20_001, "reference": [1] * 20_001}}},
            "20001 bins are more than the 20000 that are compared: exclude features",
            id="too many",
        ),
    ],
)
def test_what_is_no_answer_of_a_predictor_is_refused(body: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        PodCounts.from_json(body)
