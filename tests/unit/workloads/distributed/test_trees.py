"""Bins are those of all rows, and everything of a model but its trees is fitted where the table is."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.sparse
import xgboost
from numpy.random import default_rng

from tests.unit.workloads.steps.trained import mixed
from workloads.distributed import trees
from workloads.steps.csv_table import read, survey
from workloads.steps.estimators import estimator_for


def cuts(features: Any) -> Any:
    return xgboost.QuantileDMatrix(features, nthread=1).get_quantile_cut()


@pytest.mark.parametrize("rows", [100, 5000])
def test_a_part_of_the_rows_has_the_bins_of_all(rows: int) -> None:
    features = default_rng(0).normal(size=(rows, 3)).astype("float32")
    features[::7, 1] = np.nan
    binned = trees.in_bins(features.copy())
    assert max(len(np.unique(column[~np.isnan(column)])) for column in binned.T) <= 256
    assert np.array_equal(np.isnan(binned), np.isnan(features))
    # The least value of the first bin aside, which no split uses.
    for found, wanted in zip(cuts(binned), cuts(features), strict=True):
        assert len(found) == len(wanted)
    labels = (features[:, 0] > 0).astype(int)
    whole, found = (
        xgboost.train(
            {"objective": "binary:logistic"}, xgboost.QuantileDMatrix(each, label=labels), 20
        ).predict(xgboost.DMatrix(features))
        for each in (features, binned)
    )
    assert np.array_equal(found, whole)


def test_what_a_sparse_matrix_does_not_hold_is_missing() -> None:
    sparse = scipy.sparse.csr_matrix(np.array([[0.0, 2.0], [3.0, 0.0]]))
    binned = trees.in_bins(sparse)
    assert np.array_equal(np.isnan(binned), [[True, False], [False, True]])


@pytest.mark.parametrize(
    ("target", "objective", "classes"), [("class", "binary:logistic", 2), ("quantity", "reg:squarederror", 0)]
)
def test_one_tree_is_grown_to_know_the_objective_and_all_rounds_are_left(
    tmp_path: Path, target: str, objective: str, classes: int
) -> None:
    file = tmp_path / "mixed.csv"
    file.write_text(mixed(target))
    found = survey(file, "target", "auto")
    table = read(file, found)
    estimator = estimator_for(found, 2.0, "xgboost", 5)
    ready = trees.prepared(estimator, table.features, table.labels)
    assert ready.rounds == 100
    assert ready.parameters["objective"] == objective
    assert ready.parameters["reg_lambda"] == 0.5
    assert ready.parameters["random_state"] == 5
    assert "num_class" not in ready.parameters
    assert ready.features.shape[0] == len(ready.labels) == 60
    assert len(getattr(estimator[-1], "classes_", [])) == classes
    assert estimator[-1].estimators_[0].get_booster().num_boosted_rounds() == 1
