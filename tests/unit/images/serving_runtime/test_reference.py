"""Reference statistics, as training writes them, and live rows in the same bins."""

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from predictor import reference
from predictor.reference import Bins, Variable

from delivery.proofs.golden_rows import GoldenRows, Outcome
from workloads.steps.reference import binned, reference_of


def written(folder: Path, body: dict[str, Any]) -> Path:
    (folder / "extra_files").mkdir()
    (folder / "extra_files/reference.json").write_text(json.dumps(body))
    return folder


def trained(values: Any, names: list[str], kinds: list[str]) -> dict[str, Any]:
    held_back = {
        "classes": ["low", "high"],
        "rows": [[float(at)] for at in range(40)],
        "predicted": ["low", "high"] * 20,
        "probabilities": [[0.9 - at / 100, 0.1 + at / 100] for at in range(40)],
    }
    return reference_of(values, names, kinds, held_back, "f" * 64)


def bins_of(found: reference.Reference) -> Bins:
    return Bins(found.features, found.answers, ["low", "high"])


def test_live_rows_fall_into_the_bins_that_training_put_them_in(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = np.column_stack(
        [rng.normal(size=300), rng.integers(0, 3, 300), np.full(300, 7.0), np.exp(rng.normal(size=300))]
    )
    found = reference.read(written(tmp_path, trained(values, ["n", "i", "c", "e"], [])))
    assert found is not None
    bins = bins_of(found)
    for row in values:
        bins.add(row[None], np.array([[0.2, 0.8]]))
    counted = bins.to_json()
    for place, name in enumerate(["n", "i", "c", "e"]):
        assert counted[f"feature/{name}"]["counts"] == binned(values[:, place], "number")["counts"]
        assert counted[f"feature/{name}"]["counts"] == list(counted[f"feature/{name}"]["reference"])
        assert counted[f"feature/{name}"]["outside"] == 0
    assert counted["feature/c"]["changes"] == 0
    assert counted["feature/n"]["changes"] == 299
    assert counted["answer/class"]["counts"] == [0, 300, 0, 0]
    assert counted["answer/class"]["reference"] == (20, 20, 0, 0)
    assert sum(counted["answer/confidence"]["counts"]) == bins.counted == 300


def test_golden_rows_of_training_are_those_that_the_delivery_controller_compares(tmp_path: Path) -> None:
    body = trained(np.arange(40.0).reshape(40, 1), ["n"], [])
    found = reference.read(written(tmp_path, body))
    assert found is not None
    golden = GoldenRows.from_json(json.loads(found.golden))
    assert (golden.features, len(golden.rows), golden.rows[1]) == (("n",), 32, [1.0])
    assert golden.compare(body["golden"]["probabilities"]).outcome is Outcome.EQUAL
    swapped = [each[::-1] for each in body["golden"]["probabilities"]]
    assert golden.compare(swapped).outcome is Outcome.DIFFERENT


def test_rows_outside_of_the_training_range_and_rows_without_a_value_are_counted(tmp_path: Path) -> None:
    values = np.arange(120, dtype=float).reshape(120, 1)
    found = reference.read(written(tmp_path, trained(values, ["n"], [])))
    assert found is not None
    bins = bins_of(found)
    for value in (-1.0, 0.0, 119.0, 120.0, float("nan"), float("nan"), float("inf")):
        bins.add(np.array([[value]]), np.array([[0.9, 0.1]]))
    counted = bins.to_json()["feature/n"]
    assert counted["counts"] == [2, 0, 0, 2, 3]
    assert counted["outside"] == 2
    assert counted["changes"] == 5


def test_texts_and_booleans_are_counted_by_category_the_others_and_missing_ones_apart(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {"size": [1.0, np.nan] * 10, "colour": ["red", "blue"] * 10, "new": [True, False] * 10}
    )
    kinds = ["number", "text", "boolean"]
    found = reference.read(written(tmp_path, trained(frame, list(frame.columns), kinds)))
    assert found is not None
    bins = bins_of(found)
    live = pd.DataFrame(
        {
            "size": [1.0, 2.0, np.nan],
            "colour": pd.Series(["red", "green", None], dtype=object),
            "new": pd.Series([True, False, None], dtype=object),
        }
    )
    for place in range(3):
        bins.add(bins.row_of(live, place), np.array([0.5, 0.5]))
    bins.add(bins.row_of(live[["size", "colour"]], 0), np.array([0.5, 0.5]))
    counted = bins.to_json()
    assert counted["feature/colour"]["counts"] == [0, 2, 1, 1]
    assert counted["feature/new"]["counts"] == [1, 1, 0, 2]
    assert counted["feature/size"]["counts"] == [3, 1]
    assert "outside" not in counted["feature/new"]


def test_a_regression_has_bins_of_its_predictions() -> None:
    predictions = Variable(
        name="prediction", kind="number", reference=(5, 5, 0), edges=(1.0,), low=0.0, high=2.0
    )
    bins = Bins((), (predictions,), [])
    for value in (0.5, 1.5, 3.0):
        bins.add(np.empty((1, 0)), np.array([value]))
    counted = bins.to_json()["answer/prediction"]
    assert (counted["counts"], counted["outside"]) == ([1, 2, 0], 1)


def test_many_features_are_counted_in_small_batches() -> None:
    features = tuple(
        Variable(name=str(at), kind="number", reference=(1, 1, 0), edges=(0.5,), low=0.0, high=1.0)
        for at in range(1000)
    )
    bins = Bins(features, (), ["x", "y"])
    for at in range(100):
        bins.add(np.full((1, 1000), float(at % 2)), np.array([0.5]))
    assert bins.counted == 96
    assert bins.to_json()["feature/999"]["counts"] == [50, 50, 0]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "Expecting property name"),
        ('{"format": 2}', "format 2, not 1"),
        ('{"format": 1}', "held_back"),
        (
            '{"format": 1, "rows": 1, "held_back": {"rows": 1}, "features": [{"name": "a", "kind": "number",'
            ' "edges": [], "counts": [1], "min": 0, "max": 1}]}',
            "a has 0 edges and 1 counts",
        ),
    ],
)
def test_statistics_that_cannot_be_read_are_left_out_with_a_reason(
    tmp_path: Path, content: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "extra_files").mkdir()
    (tmp_path / "extra_files/reference.json").write_text(content)
    with caplog.at_level(logging.WARNING):
        assert reference.read(tmp_path) is None
    assert reason in caplog.text


def test_a_model_without_statistics_has_none(tmp_path: Path) -> None:
    assert reference.read(tmp_path) is None


@pytest.mark.parametrize("result", [np.array([0.5]), np.array([[0.2, 0.3, 0.5]]), np.array(["low", "high"])])
def test_answers_of_another_kind_are_refused(tmp_path: Path, result: Any) -> None:
    found = reference.read(written(tmp_path, trained(np.arange(120, dtype=float).reshape(120, 1), ["n"], [])))
    assert found is not None
    bins = bins_of(found)
    with pytest.raises(ValueError, match="the answer to a row is not what the reference statistics describe"):
        bins.add(np.array([[1.0]]), result)
    assert bins.to_json()["feature/n"]["counts"] == [0, 0, 0, 0, 0]
