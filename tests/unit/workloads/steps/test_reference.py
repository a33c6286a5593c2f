"""Reference statistics of a model."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workloads.steps.reference import binned, edges_of, reference_of


def held_back(rows: int, classes: int = 2, width: int = 2) -> dict[str, Any]:
    names = [f"class_{at}" for at in range(classes)]
    probabilities = [
        [0.9 if at % classes == each else 0.1 / (classes - 1) for each in range(classes)]
        for at in range(rows)
    ]
    return {
        "classes": names,
        "rows": [[float(at + place) for place in range(width)] for at in range(rows)],
        "predicted": [names[at % classes] for at in range(rows)],
        "probabilities": probabilities,
    }


@pytest.mark.parametrize(("rows", "bins"), [(8, 4), (124, 4), (150, 5), (299, 9), (300, 10), (5000, 10)])
def test_numbers_get_a_bin_per_thirty_rows_between_four_and_ten(rows: int, bins: int) -> None:
    found = binned(np.arange(rows, dtype=float), "number")
    assert len(found["edges"]) == bins - 1
    assert len(found["counts"]) == bins + 1
    assert sum(found["counts"]) == rows
    assert found["counts"][-1] == 0
    assert max(found["counts"][:-1]) - min(found["counts"][:-1]) <= 1
    assert (found["min"], found["max"]) == (0.0, rows - 1.0)


def test_a_number_belongs_to_the_bin_that_its_edges_begin() -> None:
    found = binned(np.arange(8, dtype=float), "number")
    assert found["edges"] == [2.0, 4.0, 6.0]
    assert found["counts"] == [2, 2, 2, 2, 0]


def test_few_different_numbers_have_a_bin_each() -> None:
    assert edges_of(np.array([1.0, 1, 2, 2, 2, 5])) == [2.0, 5.0]
    assert binned(np.array([7.0] * 50), "number")["edges"] == []


def test_a_frequent_number_does_not_share_its_bin_with_all_that_is_above_it() -> None:
    values = np.concatenate([np.zeros(950), np.arange(1.0, 51.0)])
    found = binned(values, "number")
    assert found["edges"] == [1.0]
    assert found["counts"] == [950, 50, 0]
    middle = np.concatenate([np.arange(-100.0, 0), np.zeros(800), np.arange(1.0, 101.0)])
    counts = binned(middle, "number")["counts"]
    assert counts[1] == 800
    assert len(counts) <= 11


def test_missing_numbers_are_counted_last() -> None:
    found = binned(np.array([np.nan, 1.0, 2.0, np.nan]), "number")
    assert found == {"kind": "number", "edges": [2.0], "counts": [1, 1, 2], "min": 1.0, "max": 2.0}
    empty = binned(np.array([np.nan] * 3), "number")
    assert empty == {"kind": "number", "edges": [], "counts": [0, 3], "min": None, "max": None}


def test_texts_are_categories_with_others_and_missing_behind_them() -> None:
    values = ["red"] * 5 + ["blue"] * 7 + ["rare"] * 4 + [None, float("nan")]
    assert binned(values, "text") == {
        "kind": "text",
        "categories": ["blue", "red"],
        "counts": [7, 5, 4, 2],
    }


def test_of_many_texts_the_twenty_most_frequent_are_known_and_no_long_one() -> None:
    values = [f"t{at:02}" for at in range(30) for _ in range(5 + at)] + ["x" * 201] * 99
    found = binned(values, "text")
    assert found["categories"] == [f"t{at:02}" for at in range(29, 9, -1)]
    assert found["counts"][20:] == [sum(5 + at for at in range(10)) + 99, 0]


def test_booleans_are_two_categories() -> None:
    found = binned([True, False, True, None], "boolean")
    assert found == {"kind": "boolean", "categories": ["false", "true"], "counts": [1, 2, 0, 1]}


def test_the_reference_of_a_matrix() -> None:
    fitted = np.arange(240, dtype=float).reshape(120, 2)
    found = reference_of(fitted, ["a", "b"], [], held_back(60, classes=3), "f" * 64)
    assert (found["format"], found["data_sha256"], found["rows"]) == (1, "f" * 64, 120)
    assert [each["name"] for each in found["features"]] == ["a", "b"]
    assert found["features"][0] == {
        "name": "a",
        "kind": "number",
        "edges": [60.0, 120.0, 180.0],
        "counts": [30, 30, 30, 30, 0],
        "min": 0.0,
        "max": 238.0,
    }
    answers = found["held_back"]
    assert answers["rows"] == 60
    assert answers["class"]["categories"] == ["class_0", "class_1", "class_2"]
    assert answers["class"]["counts"] == [20, 20, 20, 0, 0]
    assert answers["confidence"]["counts"] == [60, 0]
    assert json.loads(json.dumps(found)) == found


def test_golden_rows_are_the_first_that_were_held_back_with_their_answers() -> None:
    evidence = held_back(60)
    golden = reference_of(np.zeros((9, 2)), ["a", "b"], [], evidence, "f" * 64)["golden"]
    assert golden == {
        "features": ["a", "b"],
        "kinds": [],
        "classes": evidence["classes"],
        "rows": evidence["rows"][:32],
        "predicted": evidence["predicted"][:32],
        "probabilities": evidence["probabilities"][:32],
    }


def test_a_wide_table_has_fewer_golden_rows_and_statistics_of_its_first_thousand_features() -> None:
    width = 10_000
    names = [f"f{at}" for at in range(width)]
    found = reference_of(np.zeros((9, width)), names, [], held_back(20, width=width), "f" * 64)
    assert len(found["golden"]["rows"]) == 10
    assert (len(found["features"]), found["features_without_statistics"]) == (1000, 9000)


def test_a_regression_has_bins_of_its_predictions_and_neither_classes_nor_confidence() -> None:
    frame = pd.DataFrame(
        {"size": [1.5, np.nan] * 20, "new": [True, False] * 20, "colour": ["red", None] * 20}
    )
    evidence = {
        "classes": [],
        "rows": [[1.0, True, "red"]] * 8,
        "predicted": [float(at) for at in range(8)],
        "probabilities": [],
    }
    kinds = ["number", "boolean", "text"]
    found = reference_of(frame, list(frame.columns), kinds, evidence, "f" * 64)
    assert [each["counts"] for each in found["features"]] == [[20, 20], [20, 20, 0, 0], [20, 0, 20]]
    assert found["held_back"] == {
        "rows": 8,
        "prediction": {
            "kind": "number",
            "edges": [2.0, 4.0, 6.0],
            "counts": [2, 2, 2, 2, 0],
            "min": 0.0,
            "max": 7.0,
        },
    }
    assert found["golden"]["probabilities"] == []
