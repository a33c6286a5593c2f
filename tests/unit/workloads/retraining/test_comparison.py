"""Two models on the same rows."""

import numpy as np
import pytest

from workloads.retraining.comparison import Answers, compared


def classes(labels: str, given: str) -> Answers:
    return Answers(np.array([*labels]), np.array([*given]))


def quantities(*given: float) -> Answers:
    return Answers(np.array([1.0, 2.0, 3.0]), np.array(given))


def test_of_classifiers_the_share_of_right_answers_counts_and_pairs_are_said() -> None:
    found = compared(classes("aabb", "aaaa"), classes("aabb", "abbb"))
    assert (found.champion, found.challenger, found.is_worse) == (0.5, 0.75, False)
    assert found.said() == (
        "challenger's accuracy 0.75, champion's 0.5, on 4 fresh rows, "
        "2 rows right by the challenger alone and 1 by the champion alone"
    )


@pytest.mark.parametrize(("given", "worse"), [("aaaa", False), ("baaa", True), ("aaab", False)])
def test_equal_is_good_enough_and_less_is_not(given: str, worse: bool) -> None:
    assert compared(classes("aabb", "aaaa"), classes("aabb", given)).is_worse is worse


def test_of_regressions_less_error_is_better() -> None:
    found = compared(quantities(1, 2, 5), quantities(1, 2, 4))
    assert (found.metric, found.is_worse) == ("rmse", False)
    assert found.challenger == pytest.approx(3**-0.5)
    assert compared(quantities(1, 2, 4), quantities(1, 2, 5)).is_worse
    assert not compared(quantities(1, 2, 4), quantities(1, 2, 4)).is_worse


def test_a_classifier_is_not_compared_with_a_regression() -> None:
    with pytest.raises(ValueError, match=r"^comparison: one of the models predicts classes"):
        compared(classes("aab", "aaa"), quantities(1, 2, 3))
