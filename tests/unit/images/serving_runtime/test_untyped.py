"""Models without a signature take what JSON has, in MLflow's forms."""

import numpy as np
import pandas as pd
import pytest
from predictor.errors import RequestError
from predictor.tensors import Tensor
from predictor.untyped import Untyped

ANY, RAW = Untyped(), Untyped(raw=True)


def test_objects_are_a_frame_and_lists_an_array() -> None:
    frame = ANY.from_rows([{"a": 1, "b": "x"}, {"a": 2}])
    assert frame.to_dict(orient="list") == {"a": [1, 2], "b": ["x", frame["b"][1]]}
    assert ANY.from_rows([[1, 2.5]]).tolist() == [[1.0, 2.5]]
    assert ANY.from_rows(["a", "b"]).tolist() == ["a", "b"]


def test_numbers_next_to_texts_stay_numbers() -> None:
    assert ANY.from_rows([["a", 1]]).tolist() == [["a", 1]]


def test_columns_are_arrays_by_name_and_a_split_is_a_frame() -> None:
    assert {k: v.tolist() for k, v in ANY.from_columns({"a": [1, 2]}).items()} == {"a": [1, 2]}
    assert ANY.from_split(["a", "b"], [[1, "x"]]).to_dict(orient="list") == {"a": [1], "b": ["x"]}


def test_tensors_are_an_array_a_frame_or_arrays_by_name() -> None:
    two = np.array([[1.0, 2.0]])
    text = np.array([b"x", b"y"], dtype=object)
    column = np.array([[1], [2]])
    assert ANY.from_tensors([Tensor(name="x", array=two)]).tolist() == two.tolist()
    frame = ANY.from_tensors([Tensor(name="t", array=text), Tensor(name="n", array=column)])
    assert isinstance(frame, pd.DataFrame)
    assert frame.to_dict(orient="list") == {"t": ["x", "y"], "n": [1, 2]}
    named = ANY.from_tensors([Tensor(name="t", array=text), Tensor(name="m", array=two)])
    assert {name: each.tolist() for name, each in named.items()} == {"t": ["x", "y"], "m": [[1.0, 2.0]]}


def test_a_model_with_type_hints_takes_json_as_it_is() -> None:
    assert RAW.from_rows("a question") == "a question"
    assert RAW.from_columns({"a": 1}) == {"a": 1}
    assert RAW.from_tensors([Tensor(name="x", array=np.array([b"q"], dtype=object))]) == ["q"]


def test_objects_that_share_no_name_are_refused_before_they_fill_the_memory() -> None:
    with pytest.raises(RequestError, match="3000 rows with 3000 names"):
        ANY.from_rows([{f"k{place}": 1} for place in range(3000)])


def test_ragged_rows_and_no_rows_are_refused() -> None:
    with pytest.raises(RequestError, match="as many values each"):
        ANY.from_rows([[1, 2], [3]])
    with pytest.raises(RequestError, match="non-empty list"):
        ANY.from_rows([])
    with pytest.raises(RequestError, match="a list of 2 values"):
        ANY.from_split(["a", "b"], [[1]])
