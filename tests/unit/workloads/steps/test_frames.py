"""Rows of JSON values and frames."""

import json

import numpy as np
import pandas as pd

from workloads.steps.frames import frame_of, rows_of


def test_rows_and_frames_are_the_same_values() -> None:
    kinds = ["number", "text", "boolean", "boolean"]
    rows = [[0.1 + 0.2, "a", True, None], [None, None, False, True]]
    frame = frame_of(rows, ["x", "t", "b", "m"], kinds)
    assert [str(dtype) for dtype in frame.dtypes] == ["float64", "object", "bool", "object"]
    assert json.loads(json.dumps(rows_of(frame, kinds))) == rows


def test_a_matrix_is_its_rows() -> None:
    assert rows_of(np.array([[1.5, 2.0]]), []) == [[1.5, 2.0]]


def test_missing_text_of_any_pandas_is_null() -> None:
    frame = pd.DataFrame({"t": ["a", np.nan]})
    assert rows_of(frame, ["text"]) == [["a"], [None]]
