"""Every answer of a model has a form in JSON and as tensors, and none becomes Python's text for it."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from predictor import answers
from predictor.errors import AnswerError

DATES = pd.Series(pd.to_datetime(["2024-02-29", None]))


def _json(value: Any) -> Any:
    return json.loads(answers.dumps(answers.rows(value)))


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (np.array([[0.1, 1 / 3]]), [[0.1, 1 / 3]]),
        (np.array([1.0, np.nan, np.inf]), [1.0, None, None]),
        (np.array(["größer", "klein"]), ["größer", "klein"]),
        (np.array([True, False]), [True, False]),
        (np.float64(2.5), 2.5),
        (pd.Series([1, 2], name="n"), [1, 2]),
        (pd.Series([1, None], dtype="Int64"), [1, None]),
        (pd.DataFrame({"a": [1.0], "b": [2.0]}), [{"a": 1.0, "b": 2.0}]),
        (pd.DataFrame({"a": ["x", "y"], "b": [0.5, np.nan]}), [{"a": "x", "b": 0.5}, {"a": "y", "b": None}]),
        ({"label": ["a"], "score": np.array([0.5])}, {"label": ["a"], "score": [0.5]}),
        ([{"label": "a", "scores": [1]}, {"label": "b"}], [{"label": "a", "scores": [1]}, {"label": "b"}]),
        ([[1, 2, 3], [4]], [[1, 2, 3], [4]]),
        ([np.array([1, 2]), np.array([3])], [[1, 2], [3]]),
        ("a text", "a text"),
        (None, None),
        (b"\0\xff", "AP8="),
        (DATES, ["2024-02-29T00:00:00", None]),
        ({1: 2}, {"1": 2}),
        ([pd.Timestamp("2024-02-29")], ["2024-02-29T00:00:00"]),
        (np.array([["x", 1]], dtype=object), [["x", 1]]),
    ],
)
def test_an_answer_as_json(answer: Any, expected: Any) -> None:
    assert _json(answer) == expected


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        (np.array([[0.5, 1.5]]), [("output-0", "float64", [[0.5, 1.5]])]),
        (np.float64(2.5), [("output-0", "float64", [2.5])]),
        (np.array(["größer"]), [("output-0", "object", ["größer"])]),
        (pd.Series([1.5]), [("output-0", "float64", [1.5])]),
        (pd.DataFrame({"a": [1.0], "b": ["x"]}), [("a", "float64", [1.0]), ("b", "object", ["x"])]),
        ({"l": ["a", "b"], "s": [1, 2]}, [("l", "object", ["a", "b"]), ("s", "int64", [1, 2])]),
        ([{"l": "a", "s": 1}, {"l": "b", "s": 2}], [("l", "object", ["a", "b"]), ("s", "int64", [1, 2])]),
        ([{"l": "a"}, {"s": 2}], [("output-0", "object", ['{"l":"a"}', '{"s":2}'])]),
        ([[1, 2, 3], [4]], [("output-0", "object", ["[1,2,3]", "[4]"])]),
        ([1, "a"], [("output-0", "object", ["1", '"a"'])]),
        ([1.5, 2], [("output-0", "float64", [1.5, 2.0])]),
        ([True, False], [("output-0", "bool", [True, False])]),
        ("a text", [("output-0", "object", ["a text"])]),
        (None, [("output-0", "object", ["null"])]),
        ([b"\0"], [("output-0", "object", [b"\0"])]),
        (DATES[:1], [("output-0", "object", ["2024-02-29T00:00:00"])]),
    ],
)
def test_an_answer_as_tensors(answer: Any, expected: list[tuple[str, str, list[Any]]]) -> None:
    found = [(name, str(array.dtype), array.tolist()) for name, array in answers.tensors(answer)]
    assert found == expected


def test_a_missing_number_in_a_list_is_nan_in_a_tensor() -> None:
    ((_, array),) = answers.tensors([1, None])
    assert array.dtype == np.float64
    assert np.isnan(array[1])


def test_the_signatures_names_are_used_where_they_fit() -> None:
    assert [name for name, _ in answers.tensors(np.array([1.0]), ("price",))] == ["price"]
    assert [name for name, _ in answers.tensors(np.array([[1.0, 2.0]]), ("low", "high"))] == ["low", "high"]
    assert [name for name, _ in answers.tensors(np.array([1.0, 2.0]), ("low", "high"))] == ["output-0"]


def test_a_series_is_a_list_of_objects_for_mlflows_protocol() -> None:
    assert answers.records(pd.Series([1, 2], name="n")) == [{"n": 1}, {"n": 2}]


def test_what_json_cannot_carry_is_named() -> None:
    with pytest.raises(AnswerError, match="a value of type complex"):
        answers.dumps({"z": 1j})
