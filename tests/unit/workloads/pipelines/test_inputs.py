"""Inputs of the pipelines."""

import inspect
import subprocess
import sys
from typing import Any

from tests.contract.repository import ROOT
from workloads.datasets import Dataset
from workloads.pipelines import inputs, train_register_serve

PIPELINE: Any = train_register_serve.train_register_serve


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
    for name in ("minimum_accuracy", "minimum_r2", "regularization", "seed", "candidate", "replace"):
        assert offered[name].default == declared[name].default


def test_the_inputs_can_be_had_without_building_the_pipeline() -> None:
    script = (
        "import sys, workloads.pipelines.inputs; "
        "sys.exit('workloads.pipelines.train_register_serve' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False).returncode == 0
