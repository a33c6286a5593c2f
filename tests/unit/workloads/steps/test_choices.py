"""Families and metrics to choose from."""

import pytest

from workloads.steps.choices import refuse_choices


@pytest.mark.parametrize(
    ("family", "regularization", "objective", "task", "reason"),
    [
        (
            "forest",
            1.0,
            "",
            "auto",
            "family 'forest': unknown; give one of linear, random_forest, xgboost, lightgbm",
        ),
        ("linear", 0.0, "", "auto", "regularization 0.0: give a number above 0; less is stronger"),
        ("linear", float("nan"), "", "auto", "regularization nan: give a number above 0; less is stronger"),
        (
            "random_forest",
            0.5,
            "",
            "auto",
            "regularization 0.5: a random_forest has none; leave it at 1, or give another family",
        ),
        (
            "linear",
            1.0,
            "f2",
            "auto",
            "objective 'f2': no metric; "
            "there are of a classification accuracy, f1, roc_auc; of a regression r2, rmse, mae",
        ),
        (
            "linear",
            1.0,
            "rmse",
            "classification",
            "objective 'rmse': no metric of a classification; "
            "there are of a classification accuracy, f1, roc_auc; of a regression r2, rmse, mae",
        ),
    ],
)
def test_what_cannot_be_chosen_is_refused_in_one_line(
    family: str, regularization: float, objective: str, task: str, reason: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        refuse_choices(family, objective, task, regularization)
    assert str(refused.value) == reason


@pytest.mark.parametrize(
    ("family", "objective", "task"),
    [
        ("linear", "", "auto"),
        ("xgboost", "mae", "auto"),
        ("lightgbm", "f1", "classification"),
        ("random_forest", "r2", "regression"),
    ],
)
def test_what_fits_is_accepted(family: str, objective: str, task: str) -> None:
    refuse_choices(family, objective, task)
