"""Golden rows: what is read of them, and what their answers are worth."""

from typing import Any

import pytest

from delivery.proofs.golden_rows import GoldenRows, Outcome
from tests.unit.delivery.stub_predictors import GOLDEN


def test_rows_are_asked_for_by_the_names_of_their_features() -> None:
    request = GoldenRows.from_json(GOLDEN).request()
    assert request == {"dataframe_split": {"columns": ["a", "b"], "data": [[0.0, 1.0], [2.0, 3.0]]}}


def test_the_answers_of_training_time_are_equal_up_to_rounding() -> None:
    rows = GoldenRows.from_json(GOLDEN)
    found = rows.compare([[0.75 + 5e-10, 0.25], [0.125, 0.875]])
    assert (found.outcome, found.says) == (
        Outcome.EQUAL,
        "2 golden rows are answered as at training time, to 1e-09",
    )


def test_one_wrong_answer_is_enough_and_says_how_far_it_is() -> None:
    found = GoldenRows.from_json(GOLDEN).compare([[0.75, 0.25], [0.125 + 2e-9, 0.875]])
    assert found.outcome is Outcome.DIFFERENT
    assert found.says == ("1 of 2 golden rows are answered otherwise than at training time, by 2e-09 at most")


def test_quantities_are_compared_in_proportion() -> None:
    rows = GoldenRows.from_json({**GOLDEN, "classes": [], "predicted": [1e6, 3.0]})
    assert rows.compare([[1e6 + 5e-4], [3.0]]).outcome is Outcome.EQUAL
    assert rows.compare([[1e6 + 5e-2], [3.0]]).outcome is Outcome.DIFFERENT


def test_fewer_answers_than_rows_are_no_answers() -> None:
    assert GoldenRows.from_json(GOLDEN).compare([[0.75, 0.25]]).outcome is Outcome.DIFFERENT


@pytest.mark.parametrize("body", [[], {}, {**GOLDEN, "rows": []}, {**GOLDEN, "rows": [[1.0, 2.0]]}, None])
def test_anything_else_is_refused_in_one_line(body: Any) -> None:
    with pytest.raises(ValueError, match="golden rows") as caught:
        GoldenRows.from_json(body)
    assert "\n" not in str(caught.value)
