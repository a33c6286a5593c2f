"""Metrics and thresholds."""

from typing import Any

import mlflow
import numpy as np
import pytest

from workloads.steps.scores import draw, of_classifier, of_regression, shortfall


def test_probabilities_that_were_computed_in_single_precision_have_metrics_too() -> None:
    labels = np.array(["a", "b", "c", "a", "b", "c"])
    rows = np.random.default_rng(0).dirichlet([1, 1, 1], 6).astype("float32").astype("float64")
    assert not np.array_equal(rows.sum(axis=1), np.ones(6))
    values = of_classifier(labels, ["a", "b", "c"], rows)
    right = [row["abc".index(label)] for row, label in zip(rows, labels, strict=True)]
    assert values["log_loss"] == pytest.approx(-np.log(right).mean(), abs=1e-12)
    assert values["accuracy"] == np.mean(
        [row.argmax() == at for row, at in zip(rows, [0, 1, 2] * 2, strict=True)]
    )


def test_a_regression_is_compared_with_always_saying_the_mean() -> None:
    values = of_regression(np.array([1.0, 2.0, 3.0]), np.array([2.0, 2.0, 2.0]))
    assert values == pytest.approx(
        {"r2": 0.0, "rmse": (2 / 3) ** 0.5, "mae": 2 / 3, "rmse_of_mean": (2 / 3) ** 0.5}
    )


@pytest.mark.parametrize(
    ("objective", "measured", "threshold", "said"),
    [
        ("f1", 0.75, 0.75, ""),
        ("f1", 0.75, 0.8, "f1 0.7500 is below 0.8000"),
        ("accuracy", 0.94999, 0.95, "accuracy 0.94999 is below 0.95"),
        ("roc_auc", float("nan"), 0.1, "roc_auc nan is below 0.1000"),
    ],
)
def test_a_shortfall_has_both_values(objective: str, measured: float, threshold: float, said: str) -> None:
    assert shortfall(objective, {objective: measured}, threshold) == said


@pytest.mark.parametrize(
    ("objective", "threshold", "said"),
    [
        ("rmse", 2.0, ""),
        ("rmse", 1.5, "regression: RMSE 2.0000 (RMSE 2, of the mean 4) is above 1.5000"),
        ("mae", 1.0, "regression: MAE 1.2500 (RMSE 2, of the mean 4) is above 1.0000"),
        ("r2", 0.75, ""),
        ("r2", 0.8, "regression: R2 0.7500 (RMSE 2, of the mean 4) is below 0.8000"),
    ],
)
def test_of_errors_less_is_better(objective: str, threshold: float, said: str) -> None:
    values = {"r2": 0.75, "rmse": 2.0, "mae": 1.25, "rmse_of_mean": 4.0}
    assert shortfall(objective, values, threshold) == said


def test_a_plot_that_cannot_be_drawn_is_told_and_raises_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(**_: Any) -> None:
        raise ValueError("half a\nformula")

    monkeypatch.setattr(mlflow.models, "evaluate", fail)
    why = draw(object(), np.ones((2, 1)), np.array(["$a_{", "b"]), ["$a_{", "b"])
    assert why == "ValueError: half a formula"
    assert capsys.readouterr().out == "plots: ValueError: half a formula\n"
