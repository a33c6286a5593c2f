"""The search: its trials in MLflow, what it looks at, and what train makes of it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pytest
from kfp import dsl

from tests.unit.workloads.steps.trained import LOAD, TRAIN
from workloads.steps import search
from workloads.steps.csv_table import read, survey
from workloads.steps.estimators import split

SEARCH: Any = search.search
# Few trees: it is the search that is tested.
FEW = ["n_estimators=20..30"]


@dataclass(frozen=True)
class Searched:
    parameters: str
    run: Any
    trials: list[Any]
    """MLflow runs, in order."""


def searched(
    folder: Path,
    content: bytes = b"",
    *,
    family: str = "linear",
    sampler: str = "tpe",
    trials: int = 4,
    space: list[str] | None = None,
    objective: str = "f1",
    early_stopping: bool = False,
) -> Searched:
    dataset: Any = dsl.Dataset(uri=str(folder / "data.csv"))
    if content:
        Path(dataset.path).write_bytes(content)
    else:
        LOAD.python_func(data="wine", data_sha256="", dataset=dataset)
    parameters, run_id = SEARCH.python_func(
        dataset=dataset,
        data="wine",
        data_sha256="s1",
        target="target",
        model_name="wine",
        seed=3,
        trials=trials,
        sampler=sampler,
        space=[] if space is None else space,
        early_stopping=early_stopping,
        metrics=dsl.Metrics(),
        family=family,
        objective=objective,
    )
    client = mlflow.MlflowClient()
    run = client.get_run(run_id)
    found = client.search_runs([run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'")
    found.sort(key=lambda each: int(each.data.tags["trial.number"]))
    return Searched(parameters, run, found)


def values(found: Searched) -> list[Any]:
    return [(each.data.params, each.data.metrics, each.info.status) for each in found.trials]


def test_each_trial_is_a_child_with_its_parameters_metrics_and_state(step_environment: Path) -> None:
    found = searched(step_environment)
    assert [each.info.run_name for each in found.trials] == [f"trial-{at}" for at in range(4)]
    for each in found.trials:
        assert each.info.status == "FINISHED"
        assert each.data.tags["trial.state"] == "complete"
        assert each.data.tags["kfp.pipeline_run_id"] == "run-1"
        assert each.data.tags["data.sha256"] == "s1"
        assert set(each.data.params) == {"family", "regularization"}
        assert 0.001 <= float(each.data.params["regularization"]) <= 1000
        history = mlflow.MlflowClient().get_metric_history(each.info.run_id, "fold_f1")
        assert [point.step for point in history] == [0, 1, 2, 3, 4]
        mean = sum(point.value for point in sorted(history, key=lambda point: point.step)) / 5
        assert each.data.metrics["f1"] == mean
        assert each.info.start_time <= each.info.end_time
    best = max(found.trials, key=lambda each: each.data.metrics["f1"])
    tags = found.run.data.tags
    assert tags["search.best_run_id"] == best.info.run_id
    assert tags["search.best_trial"] == best.data.tags["trial.number"]
    assert found.parameters == tags["search.parameters"]
    assert found.parameters == json.dumps({"regularization": float(best.data.params["regularization"])})
    assert found.run.data.metrics == {"best_f1": best.data.metrics["f1"], "trials_complete": 4.0}
    assert found.run.data.params["search.regularization"] == "0.001..1000"
    assert (found.run.data.params["folds"], found.run.data.params["training_rows"]) == ("5", "124")


@pytest.mark.parametrize(
    ("family", "sampler", "space"),
    [
        ("linear", "random", []),
        ("lightgbm", "tpe", [*FEW, "num_leaves=4..8"]),
        ("xgboost", "cmaes", [*FEW, "max_depth=2"]),
    ],
)
def test_equal_seeds_give_equal_trials(
    step_environment: Path, family: str, sampler: str, space: list[str]
) -> None:
    first, second = (
        searched(step_environment, family=family, sampler=sampler, space=space) for _ in range(2)
    )
    assert values(first) == values(second)
    assert first.parameters == second.parameters
    assert first.run.info.run_id != second.run.info.run_id


def test_rows_that_are_held_back_change_nothing(step_environment: Path) -> None:
    generator = np.random.default_rng(0)
    rows = [[repr(float(cell)) for cell in row] for row in generator.normal(size=(80, 3))]
    labels = [("a", "b")[float(row[0]) + float(row[1]) > 0] for row in rows]

    def table(changed: set[int]) -> bytes:
        lines = [
            ",".join([*(["99.5"] * 3 if at in changed else row), label])
            for at, (row, label) in enumerate(zip(rows, labels, strict=True))
        ]
        return ("x,y,z,target\n" + "\n".join(lines) + "\n").encode()

    file = step_environment / "whole.csv"
    file.write_bytes(table(set()))
    found = survey(file, "target")
    fitted, rest = split(found, read(file, found).labels, 3)
    assert sorted([*fitted.tolist(), *rest.tolist()]) == list(range(80))
    first = searched(step_environment, table(set()))
    assert values(searched(step_environment, table(set(rest.tolist())))) == values(first)
    # The failing twin: one row that training sees, and the values are others.
    assert values(searched(step_environment, table({int(fitted[0])}))) != values(first)


def test_trials_that_end_early_are_marked(step_environment: Path) -> None:
    found = searched(step_environment, trials=12, early_stopping=True)
    pruned = [each for each in found.trials if each.data.tags["trial.state"] == "pruned"]
    assert pruned
    assert {each.info.status for each in pruned} == {"KILLED"}
    for each in pruned:
        history = mlflow.MlflowClient().get_metric_history(each.info.run_id, "fold_f1")
        assert 2 <= len(history) < 5
    assert found.run.data.metrics["trials_pruned"] == len(pruned)
    assert f"of 12 ({len(pruned)} pruned): f1 " in found.run.data.tags["search.summary"]


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"sampler": "grid"}, "sampler 'grid': unknown; give one of random, tpe, cmaes"),
        ({"trials": 0}, "trials 0: give at least 1"),
        (
            {"space": ["regularization=1"]},
            "search: every parameter of linear is fixed, nothing is left to se",
        ),
        ({"objective": "f2"}, "objective 'f2': no metric; there are of a classification accuracy, "),
        ({"objective": "rmse"}, "objective 'rmse': no metric of a classification; there are of a "),
    ],
)
def test_a_search_that_could_find_nothing_leaves_no_run(
    step_environment: Path, choices: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        searched(step_environment, **choices)
    assert str(refused.value).startswith(reason)
    assert mlflow.MlflowClient().get_experiment_by_name("wine") is None


def test_train_takes_what_the_search_found_and_names_it(step_environment: Path) -> None:
    space = [*FEW, "max_depth=3", "regularization=0.1..2"]
    found = searched(step_environment, family="xgboost", sampler="random", trials=2, space=space)
    held_back: Any = dsl.Dataset(uri=str(step_environment / "held_back.json"))
    model_id, run_id = TRAIN.python_func(
        dataset=dsl.Dataset(uri=str(step_environment / "data.csv")),
        data="wine",
        data_sha256="s1",
        target="target",
        model_name="wine",
        regularization=1.0,
        seed=3,
        held_back=held_back,
        family="xgboost",
        parameters=found.parameters,
        search_run_id=found.run.info.run_id,
    )
    trained = mlflow.MlflowClient().get_run(run_id)
    assert trained.data.tags["search.run_id"] == found.run.info.run_id
    assert trained.data.tags["search.parameters"] == found.parameters
    chosen = json.loads(found.parameters)
    model: Any = mlflow.sklearn.load_model(f"models:/{model_id}")
    fitted = model[-1].estimators[0][1].get_params()
    assert fitted.pop("reg_lambda") == 1 / chosen["regularization"]
    chosen.pop("regularization")
    assert {name: fitted[name] for name in chosen} == chosen
    assert {name: trained.data.params[name] for name in chosen} == {
        name: str(value) for name, value in chosen.items()
    }
    assert trained.data.params["max_depth"] == "3"
