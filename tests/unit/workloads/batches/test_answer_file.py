"""Answers as columns, and the file of them."""

from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from workloads.batches.answer_file import AnswerFile, columns_of_answers


def as_lists(columns: dict[str, Any]) -> dict[str, list[Any]]:
    return {name: column.to_pylist() for name, column in columns.items()}


def test_a_classifier_answers_a_class_and_a_probability_of_each() -> None:
    answers = np.array([[0.25, 0.75], [0.6, 0.4]])
    assert as_lists(columns_of_answers(answers, ["a", "b"])) == {
        "prediction": ["b", "a"],
        "probability_a": [0.25, 0.6],
        "probability_b": [0.75, 0.4],
    }


def test_single_precision_has_the_digits_of_the_answer_to_a_request(tmp_path: Path) -> None:
    path = tmp_path / "answers.csv"
    answers = np.array([0.6, 0.1, 1e-9], dtype="float32")
    with AnswerFile(path) as file:
        file.add({}, columns_of_answers(answers, []))
    assert path.read_text().split()[1:] == ["0.6", "0.1", "1e-9"]
    assert orjson.dumps(answers, option=orjson.OPT_SERIALIZE_NUMPY) == b"[0.6,0.1,1e-9]"


@pytest.mark.parametrize(
    ("answers", "columns"),
    [
        (np.array([1.5, 2.5]), {"prediction": [1.5, 2.5]}),
        (["a", "b"], {"prediction": ["a", "b"]}),
        (np.array([[1, 2], [3, 4]]), {"prediction_0": [1, 3], "prediction_1": [2, 4]}),
        (pd.DataFrame({"low": [1.0], "high": [2.0]}), {"low": [1.0], "high": [2.0]}),
    ],
)
def test_other_answers_are_written_as_they_are(answers: Any, columns: dict[str, list[Any]]) -> None:
    assert as_lists(columns_of_answers(answers, [])) == columns


def test_answers_that_are_no_table_are_refused() -> None:
    with pytest.raises(ValueError, match=r"an array of shape \(1, 2, 2\), which no table holds"):
        columns_of_answers(np.zeros((1, 2, 2)), [])


@pytest.mark.parametrize("name", ["answers.csv", "answers.parquet"])
def test_parts_follow_each_other_with_every_bit(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    with AnswerFile(path) as file:
        for at in range(3):
            kept = {"id": pa.array([f"{at}, a"])}
            file.add(kept, {"prediction": pa.array([0.1 + at])})
    found = pd.read_csv(path) if name.endswith("csv") else pq.read_table(path).to_pandas()
    assert found["id"].tolist() == ["0, a", "1, a", "2, a"]
    assert found["prediction"].tolist() == [0.1, 1.1, 2.1]


def test_a_kept_column_does_not_take_the_place_of_an_answer(tmp_path: Path) -> None:
    column = {"prediction": pa.array([1.0])}
    with (
        pytest.raises(
            ValueError, match=r"^data: column 'prediction' cannot be kept: the predictions have this name"
        ),
        AnswerFile(tmp_path / "a.csv") as file,
    ):
        file.add(column, column)
