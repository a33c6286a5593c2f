"""Inputs of the pipelines."""

import inspect
import subprocess
import sys
from typing import Any

import pytest

from tests.contract.repository import ROOT
from workloads.datasets import Dataset
from workloads.errors import WorkloadsError
from workloads.pipelines import inputs, train_distributed, train_register_serve, tune

WINE = Dataset(data="wine", sha256="s", target="target", learns="classification")
PIPELINE: Any = train_register_serve.train_register_serve
TUNE: Any = tune.tune
NODES: Any = train_distributed.train_distributed


def test_the_inputs_are_those_that_the_pipeline_declares() -> None:
    dataset = Dataset(data="breast_cancer", sha256="s", target="target")
    made = inputs.for_training(dataset, seed=3, candidate=True)
    assert made["model_name"] == "breast-cancer"
    assert (made["data"], made["data_sha256"], made["seed"], made["candidate"]) == (
        "breast_cancer",
        "s",
        3,
        True,
    )
    assert set(made) == set(PIPELINE.component_spec.inputs)


def test_the_defaults_are_those_of_the_pipeline() -> None:
    declared = PIPELINE.component_spec.inputs
    offered = inspect.signature(inputs.for_training).parameters
    choices = ("minimum_accuracy", "minimum_r2", "regularization", "seed", "candidate", "replace")
    for name in (*choices, "family", "objective"):
        assert offered[name].default == declared[name].default
    assert inputs.for_training(WINE)["threshold"] == declared["threshold"].default


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        (
            {"objective": "f2", "threshold": 0.5},
            "objective 'f2': no metric; there are of a classification acc",
        ),
        (
            {"objective": "rmse", "threshold": 2.0},
            "objective 'rmse': no metric of a classification; there are",
        ),
        ({"objective": "f1"}, "objective 'f1': give the threshold that it must reach as well"),
        ({"threshold": 0.5}, "threshold 0.5: give the objective that must reach it as well"),
        (
            {"family": "forest"},
            "family 'forest': unknown; give one of linear, random_forest, xgboost, lightgbm",
        ),
        ({"regularization": -1.0}, "regularization -1.0: give a number above 0"),
    ],
)
def test_what_cannot_be_judged_or_trained_is_refused_before_anything_is_submitted(
    choices: dict[str, Any], reason: str
) -> None:
    with pytest.raises(WorkloadsError) as refused:
        inputs.for_training(WINE, **choices)
    assert str(refused.value).startswith(reason)


def test_a_metric_of_the_other_task_is_left_to_the_pipeline_if_nobody_has_looked_at_the_data() -> None:
    unseen = Dataset(data="s3://b/a.csv", sha256="", target="target")
    assert inputs.for_training(unseen, objective="rmse", threshold=2.0)["threshold"] == 2.0


def test_the_inputs_can_be_had_without_building_the_pipeline() -> None:
    script = (
        "import sys, workloads.pipelines.inputs; "
        "sys.exit('workloads.pipelines.train_register_serve' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0


def test_the_inputs_of_a_search_are_those_that_its_pipeline_declares() -> None:
    declared = TUNE.component_spec.inputs
    made = inputs.for_tuning(WINE, seed=3, search=("regularization=0.1..10",), early_stopping=True)
    assert set(made) == set(declared)
    assert (made["seed"], made["search"], made["early_stopping"]) == (3, ["regularization=0.1..10"], True)
    for name, value in inputs.for_tuning(WINE).items():
        if name not in ("data", "data_sha256", "target", "model_name"):
            assert value == declared[name].default, name


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"trials": 0}, "trials 0: give at least 1"),
        ({"sampler": "grid"}, "sampler 'grid': unknown; give one of random, tpe, cmaes"),
        ({"search": ["regularization=2..1"]}, "search 'regularization=2..1': empty, 2 is above 1; give LOW"),
        ({"objective": "f2", "threshold": 0.5}, "objective 'f2': no metric; there are of a "),
        ({"family": "forest"}, "family 'forest': unknown; give one of linear, "),
    ],
)
def test_a_search_that_could_find_nothing_is_refused_before_anything_is_submitted(
    choices: dict[str, Any], reason: str
) -> None:
    with pytest.raises(WorkloadsError) as refused:
        inputs.for_tuning(WINE, **choices)
    assert str(refused.value).startswith(reason)


def test_the_inputs_of_a_training_on_nodes_are_those_that_its_pipeline_declares() -> None:
    declared = NODES.component_spec.inputs
    assert set(inputs.for_nodes(WINE, nodes=3)) == set(declared)
    assert inputs.for_nodes(WINE, nodes=3)["nodes"] == 3
    for name, value in inputs.for_nodes(WINE).items():
        if name not in ("data", "data_sha256", "target", "model_name", "task"):
            assert value == declared[name].default, name


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        ({"nodes": 0}, "nodes 0: give 1 to 64"),
        ({"family": "linear"}, "family 'linear': trains on one node; give xgboost, or run "),
        ({"cpus_per_node": -1.0}, "cpus_per_node -1.0: give 0.05 or more"),
        ({"memory_per_node": "big"}, "memory_per_node 'big': give a quantity of 256Mi or more"),
        ({"objective": "f2", "threshold": 0.5}, "objective 'f2': no metric; there are of a "),
    ],
)
def test_a_training_that_cannot_be_divided_is_refused_before_anything_is_submitted(
    choices: dict[str, Any], reason: str
) -> None:
    with pytest.raises(WorkloadsError) as refused:
        inputs.for_nodes(WINE, **choices)
    assert str(refused.value).startswith(reason)
