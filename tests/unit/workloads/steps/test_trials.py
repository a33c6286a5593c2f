"""Trials: proposals, cross-validation, early ends, failures."""

import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.unit.workloads.steps.trained import mixed
from workloads.steps.csv_table import Survey, Table, read, survey
from workloads.steps.estimators import split
from workloads.steps.search_spaces import SAMPLERS, Bounds
from workloads.steps.trials import (
    Trial,
    best_of,
    count_folds,
    fold_metrics,
    run_trials,
    summary_of,
)

SPACE = {"x": Bounds(0.0, 1.0), "n": Bounds(1, 9, whole=True), "fixed": Bounds(0.5, 0.5)}


def near(parameters: Mapping[str, float]) -> Iterator[dict[str, float]]:
    """Two folds of a metric that is best at x = 0.3 and n = 4."""
    distance = abs(parameters["x"] - 0.3) + abs(parameters["n"] - 4) / 10
    yield {"r2": 1 - distance, "rmse": distance}
    yield {"r2": 0.5 - distance, "rmse": 0.5 + distance}


def trials(
    metrics_of: Any = near,
    objective: str = "r2",
    *,
    sampler: str = "tpe",
    count: int = 8,
    seed: int = 0,
    early_stopping: bool = False,
) -> list[Trial]:
    recorded: list[Trial] = []
    found = run_trials(
        SPACE,
        metrics_of,
        objective,
        sampler=sampler,
        count=count,
        seed=seed,
        early_stopping=early_stopping,
        record=recorded.append,
    )
    assert recorded == found
    return found


@pytest.mark.parametrize("sampler", SAMPLERS)
def test_equal_seeds_give_equal_trials_and_others_do_not(sampler: str) -> None:
    first, second, other = (
        [(each.parameters, each.metrics, each.folds) for each in trials(sampler=sampler, seed=seed)]
        for seed in (7, 7, 8)
    )
    assert first == second
    assert first != other
    for parameters, _, _ in first:
        assert 0 <= parameters["x"] <= 1
        assert parameters["n"] in range(1, 10)
        assert isinstance(parameters["n"], int)
        assert parameters["fixed"] == 0.5


def test_the_mean_of_the_folds_counts_and_an_error_is_better_if_it_is_less() -> None:
    for objective in ("r2", "rmse"):
        found = trials(objective=objective)
        best = best_of(found, objective)
        assert best.metrics["r2"] == max(each.metrics["r2"] for each in found)
        assert best.metrics["r2"] == (best.folds[0] + best.folds[1]) / 2 or objective == "rmse"
        assert {each.state for each in found} == {"complete"}
        assert [each.number for each in found] == list(range(8))


def test_of_equal_trials_the_first_is_the_best() -> None:
    found = trials(lambda _: iter([{"r2": 0.5}]))
    assert best_of(found, "r2").number == 0


def test_a_hopeless_trial_ends_early_and_is_marked() -> None:
    calls: list[int] = []

    def worse(__: Mapping[str, float]) -> Iterator[dict[str, float]]:
        calls.append(0)
        for _ in range(5):
            calls[-1] += 1
            yield {"r2": 1.0 - len(calls) / 10}

    found = trials(worse, early_stopping=True)
    assert [each.state for each in found] == ["complete"] * 4 + ["pruned"] * 4
    assert calls == [5, 5, 5, 5, 2, 2, 2, 2]
    assert [len(each.folds) for each in found] == calls
    assert summary_of(found, best_of(found, "r2"), "r2").startswith(
        "trial 0 of 8 (4 pruned): r2 0.9000 in 5 "
    )
    # A twin without early stopping runs every fold.
    calls.clear()
    assert {each.state for each in trials(worse)} == {"complete"}
    assert calls == [5] * 8


def test_a_trial_that_fails_is_marked_and_the_others_go_on() -> None:
    numbers: list[int] = []

    def sometimes(_: Mapping[str, float]) -> Iterator[dict[str, float]]:
        numbers.append(len(numbers))
        if numbers[-1] == 1:
            raise RuntimeError("out of luck\nmore")
        yield {"r2": math.nan if numbers[-1] == 2 else 0.5}

    found = trials(sometimes, count=4)
    assert [(each.state, each.reason) for each in found] == [
        ("complete", ""),
        ("failed", "RuntimeError: out of luck"),
        ("failed", "r2 is not a number"),
        ("complete", ""),
    ]
    best = best_of(found, "r2")
    assert summary_of(found, best, "r2") == (
        "trial 0 of 4 (2 failed): r2 0.5000 in 1 folds with "
        f"x {best.parameters['x']:.6g}, n {best.parameters['n']}, fixed 0.5"
    )
    with pytest.raises(ValueError, match=r"^search: none of 1 trials is complete; the first failed: Runt"):
        best_of(found[1:2], "r2")


@pytest.mark.parametrize(("target", "objective"), [("class", "roc_auc"), ("quantity", "rmse")])
@pytest.mark.parametrize(
    ("family", "others"),
    # By default it splits no group of fewer than twenty rows.
    [("linear", {}), ("lightgbm", {"min_child_samples": 2})],
)
def test_each_fold_is_predicted_by_a_model_of_the_others(
    tmp_path: Path, target: str, objective: str, family: str, others: dict[str, float]
) -> None:
    found, table, fitted = surveyed(tmp_path, mixed(target))
    chosen, stronger = ({**others, "regularization": each} for each in (0.5, 0.01))
    folds = list(fold_metrics(found, table, fitted, family, 0, chosen))
    assert len(folds) == count_folds(found, table.labels[fitted]) == 5
    again = list(fold_metrics(found, table, fitted, family, 0, chosen))
    assert json.dumps(again) == json.dumps(folds)
    assert list(fold_metrics(found, table, fitted, family, 0, stronger)) != folds
    assert all(objective in each for each in folds)


def test_a_rare_class_makes_fewer_folds(tmp_path: Path) -> None:
    rows = "".join(f"{at}.5,{at % 3},{'rare' if at < 4 else 'often'}\n" for at in range(40))
    found, table, fitted = surveyed(tmp_path, f"x,y,target\n{rows}")
    rare = int(np.sum(table.labels[fitted] == "rare"))
    assert count_folds(found, table.labels[fitted]) == rare < 5
    assert len(list(fold_metrics(found, table, fitted, "linear", 0, {}))) == rare


def surveyed(folder: Path, content: str) -> tuple[Survey, Table, Any]:
    file = folder / "data.csv"
    file.write_text(content)
    found = survey(file, "target")
    table = read(file, found)
    return found, table, split(found, table.labels, 0)[0]
