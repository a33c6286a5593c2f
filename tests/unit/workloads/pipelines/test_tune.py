"""The order and the caching of the steps of a search, and what it hands to training."""

from typing import Any

import yaml

from tests.unit.workloads.pipelines.golden_tasks import assert_in_order, cached
from workloads.pipelines.compiled import golden

SPEC, PLATFORM = yaml.safe_load_all(golden("tune").read_text())
TASKS: dict[str, Any] = SPEC["root"]["dag"]["tasks"]
CHAIN = ["load-data", "validate-data", "search", "train", "evaluate", "register", "deploy", "smoke"]


def test_every_step_waits_for_the_one_before() -> None:
    assert_in_order(TASKS, CHAIN)


def test_only_steps_that_depend_on_the_data_alone_are_cached() -> None:
    assert cached(TASKS) == {"load-data", "validate-data", "search", "train"}


def test_training_gets_what_the_search_found() -> None:
    inputs = TASKS["train"]["inputs"]["parameters"]
    for name, output in {"parameters": "parameters", "search_run_id": "mlflow_run_id"}.items():
        assert inputs[name] == {
            "taskOutputParameter": {"outputParameterKey": output, "producerTask": "search"}
        }


def test_the_search_gets_the_engine_and_its_modules_stand_before_kubeflows_imports() -> None:
    assert TASKS["search"]["inputs"]["parameters"]["engine"] == {"componentInputParameter": "engine"}
    assert SPEC["root"]["inputDefinitions"]["parameters"]["engine"]["defaultValue"] == "auto"
    program = SPEC["deploymentSpec"]["executors"]["exec-search"]["container"]["command"][-1]
    own, _, _ = program.partition("\nimport kfp\n")
    # What a trial of Katib runs: all of it, and nothing of Kubeflow.
    names: dict[str, Any] = {"__name__": "trial"}
    exec(compile(own, "trial", "exec"), names)  # noqa: S102 - the program of a trial
    assert {"run_trial", "KatibSearch", "METRIC_STORE"} <= names.keys()


def test_the_search_and_training_hold_back_the_same_rows() -> None:
    search, train = (TASKS[name]["inputs"] for name in ("search", "train"))
    for name in ("seed", "target", "task", "data_sha256"):
        assert search["parameters"][name] == train["parameters"][name]
    assert search["artifacts"] == train["artifacts"]
