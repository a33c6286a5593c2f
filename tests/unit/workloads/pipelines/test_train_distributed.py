"""The order and the caching of the steps of a training on several nodes, and what it hands to training."""

from typing import Any

import yaml

from tests.unit.workloads.pipelines.golden_tasks import assert_in_order, cached
from workloads.pipelines.compiled import golden

SPEC, _ = yaml.safe_load_all(golden("train_distributed").read_text())
TASKS: dict[str, Any] = SPEC["root"]["dag"]["tasks"]
CHAIN = ["load-data", "validate-data", "train-on-nodes", "train", "evaluate", "register", "deploy", "smoke"]


def test_every_step_waits_for_the_one_before() -> None:
    assert_in_order(TASKS, CHAIN)


def test_only_steps_that_depend_on_the_data_alone_are_cached() -> None:
    assert cached(TASKS) == {"load-data", "validate-data", "train-on-nodes", "train"}


def test_the_model_gets_the_trees_of_the_nodes() -> None:
    assert TASKS["train"]["inputs"]["parameters"]["nodes_run_id"] == {
        "taskOutputParameter": {"outputParameterKey": "mlflow_run_id", "producerTask": "train-on-nodes"}
    }


def test_nodes_and_the_model_hold_back_the_same_rows() -> None:
    nodes, train = (TASKS[name]["inputs"] for name in ("train-on-nodes", "train"))
    for name in ("seed", "target", "task", "data_sha256", "family", "regularization"):
        assert nodes["parameters"][name] == train["parameters"][name]
    assert nodes["artifacts"] == train["artifacts"]
