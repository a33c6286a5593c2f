"""Models of raw columns."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from workloads.steps.choices import FAMILIES
from workloads.steps.csv_columns import Feature
from workloads.steps.csv_rows import Layout
from workloads.steps.csv_table import Survey
from workloads.steps.estimators import estimator_for, held_back_share, signature_for, split
from workloads.steps.search_spaces import SPACES

MIXED = Survey(
    layout=Layout(",", 0),
    decimal=".",
    rows=40,
    features=[
        Feature("size", 0, "number", 4),
        Feature("colour", 1, "text", 10),
        Feature("new", 2, "boolean", 0),
        Feature("sold", 3, "boolean", 10),
    ],
    target_position=4,
    task="classification",
    classes=2,
)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "size": [np.nan, *(float(at) for at in range(1, 10))] * 4,
            "colour": pd.Series(["red", "blue", None, "red"] * 10, dtype=object),
            "new": [True, False] * 20,
            "sold": pd.Series([True, None, False, True] * 10, dtype=object),
        }
    )


def test_raw_columns_are_encoded_inside_the_model() -> None:
    rows, labels = frame(), np.array(["a", "b"] * 20)
    model = estimator_for(MIXED, 1.0).fit(rows, labels)
    answers = model.predict_proba(rows)
    assert answers.shape == (40, 2)
    # As a client's request becomes it: None or NaN for null, columns of objects, texts never seen.
    asked = rows.head(4).astype({"new": object}).copy()
    asked["colour"] = pd.Series(["red", "blue", np.nan, "red"], dtype=object)
    assert np.array_equal(model.predict_proba(asked), answers[:4])
    asked["colour"] = pd.Series(["green", "green", "green", "green"], dtype=object)
    assert not np.isnan(model.predict_proba(asked)).any()


def test_a_quantity_is_learnt_by_a_ridge_regression() -> None:
    found = replace(MIXED, task="regression", classes=0)
    rows = frame()
    model = estimator_for(found, 1e6).fit(rows, np.where(rows["new"], 10.0, 20.0))
    assert model.predict(rows)[:2] == pytest.approx([10.0, 20.0], abs=1e-3)


def test_columns_have_a_signature_of_their_own_and_a_matrix_one_tensor() -> None:
    columns: Any = signature_for(MIXED, 2).inputs.inputs
    assert [(each.name, each.type.name, each.required) for each in columns] == [
        ("size", "double", False),
        ("colour", "string", False),
        ("new", "boolean", True),
        ("sold", "boolean", False),
    ]
    matrix = replace(MIXED, features=[Feature("x", 0, "number", 0)])
    signature = signature_for(replace(matrix, task="regression"), 0)
    assert [each.shape for each in signature.inputs.inputs] == [(-1, 1)]
    assert signature.outputs.inputs[0].shape == (-1,)


@pytest.mark.parametrize(("rows", "share"), [(40, 0.3), (800_000, 0.3), (2_000_000, 250_000)])
def test_a_large_table_holds_back_what_can_be_asked(rows: int, share: float) -> None:
    assert held_back_share(replace(MIXED, rows=rows)) == share


@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_defaults_of_a_family_are_those_without_parameters(task: str) -> None:
    kept = {
        "linear": {"max_iter": 1000, "C": 0.5} if task == "classification" else {"alpha": 2.0},
        "random_forest": {"n_estimators": 100, "max_leaf_nodes": 1000, "n_jobs": 1},
        "xgboost": {"n_estimators": 100, "reg_lambda": 2.0, "n_jobs": 1},
        "lightgbm": {"n_estimators": 100, "reg_lambda": 2.0, "deterministic": True, "force_row_wise": True},
    }
    assert set(kept) == set(FAMILIES)
    for family, parameters in kept.items():
        assert parameters.items() <= inner(family, task, None).items()
        assert inner(family, task, None) == inner(family, task, {})


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("family", FAMILIES)
def test_every_parameter_of_a_search_is_one_of_the_model(family: str, task: str) -> None:
    chosen: dict[str, float] = {
        name: bounds.low for name, bounds in SPACES[family].items() if name != "regularization"
    }
    assert chosen.items() <= inner(family, task, chosen).items()


def test_a_regularization_among_the_parameters_replaces_the_other() -> None:
    assert inner("linear", "classification", {"regularization": 8.0})["C"] == 8.0
    assert inner("lightgbm", "regression", {"regularization": 8.0})["reg_lambda"] == 0.125


def test_a_table_is_split_as_by_its_seed_with_each_class_on_both_sides() -> None:
    labels = np.array(["a", "b"] * 20)
    fitted, rest = split(MIXED, labels, 3)
    assert sorted([*fitted.tolist(), *rest.tolist()]) == list(range(40))
    assert sorted(labels[rest].tolist()) == ["a"] * 6 + ["b"] * 6
    assert [each.tolist() for each in split(MIXED, labels, 3)] == [fitted.tolist(), rest.tolist()]
    assert split(MIXED, labels, 4)[1].tolist() != rest.tolist()


def inner(family: str, task: str, parameters: dict[str, float] | None) -> dict[str, Any]:
    """Return all parameters of the model behind the encoders."""
    model = estimator_for(replace(MIXED, task=task), 0.5, family, 0, parameters)[-1]
    return (model.estimators[0][1] if family == "xgboost" else model).get_params()
