"""What goes to the nodes of a training, and how the trees that come back become a model.

Embedded in the steps that train, with two names of the program of nodes.
"""

# scikit-learn and xgboost ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

from dataclasses import dataclass
from typing import Any

from workloads.distributed.node import NODES_FOLDER, TREES


@dataclass(frozen=True)
class Prepared:
    """A training, ready to be divided."""

    features: Any
    """Matrix of single precision, one row per row of the table; NaN for what is missing."""
    labels: Any
    """Classes as numbers from 0, or quantities."""
    parameters: dict[str, Any]
    """Of `xgboost.train`."""
    rounds: int


def fit_without_trees(estimator: Any, rows: Any, labels: Any) -> dict[str, Any]:
    """Fit everything of a model but its trees, and return the parameters of `xgboost.train`.

    Args:
        estimator: An untrained pipeline whose last step is the vote of one XGBoost model.
        rows: Rows of the table.
        labels: Their classes or quantities.
    """
    vote = estimator[-1]
    (_, model) = vote.estimators[0]
    rounds = model.get_params()["n_estimators"]
    # One tree is enough to fit the encoders, and to know the objective and the classes.
    model.set_params(n_estimators=1)
    estimator.fit(rows, labels)
    model.set_params(n_estimators=rounds)
    fitted = vote.estimators_[0].set_params(n_estimators=rounds)
    parameters = {name: value for name, value in fitted.get_xgb_params().items() if value is not None}
    if len(getattr(vote, "classes_", ())) > 2:
        parameters["num_class"] = len(vote.classes_)
    return parameters


def prepared(estimator: Any, rows: Any, labels: Any) -> Prepared:
    """Return what the trees of a model are trained on; arguments are those of `fit_without_trees`."""
    parameters = fit_without_trees(estimator, rows, labels)
    vote = estimator[-1]
    numbers = vote.le_.transform(labels) if hasattr(vote, "le_") else labels
    features = in_bins(estimator[:-1].transform(rows), parameters.get("max_bin"))
    return Prepared(features, numbers, parameters, vote.estimators_[0].n_estimators)


def fit_with_trees(estimator: Any, rows: Any, labels: Any, run_id: str) -> None:
    """Fit a model with the trees that nodes have left in an MLflow run; else as `fit_without_trees`."""
    import tempfile

    import mlflow

    fit_without_trees(estimator, rows, labels)
    with tempfile.TemporaryDirectory() as folder:
        file = mlflow.MlflowClient().download_artifacts(run_id, f"{NODES_FOLDER}/{TREES}", folder)
        estimator[-1].estimators_[0].load_model(file)


def in_bins(features: Any, bins: int | None = None) -> Any:
    """Return a matrix in which each value is the lower end of the bin that XGBoost would put it in.

    XGBoost divides a column into bins by the rows that it has. Nodes have a part of them each, and would
    agree on other bins than one node with all rows. Of no more values than bins, all find the same ones.

    Args:
        features: A matrix, dense or sparse.
        bins: Most bins of a column; XGBoost's default if None.
    """
    import numpy as np
    import xgboost

    if hasattr(features, "tocoo"):
        # What a sparse matrix does not hold is missing to XGBoost.
        sparse = features.tocoo()
        dense = np.full(sparse.shape, np.nan, dtype="float32")
        dense[sparse.row, sparse.col] = sparse.data
    else:
        dense = np.asarray(features, dtype="float32")
    places, ends = xgboost.QuantileDMatrix(dense, nthread=1, max_bin=bins or 256).get_quantile_cut()
    for column in range(len(places) - 1):
        cuts = ends[places[column] : places[column + 1]]
        values = dense[:, column]
        known = ~np.isnan(values)
        found = np.searchsorted(cuts, values[known], side="right") - 1
        values[known] = cuts[np.maximum(found, 0)]
    return dense
