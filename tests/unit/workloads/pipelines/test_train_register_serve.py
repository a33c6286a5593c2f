"""The order, the caching and the surroundings of the steps."""

from typing import Any

import pytest
import yaml

from tests.unit.workloads.pipelines.golden_tasks import assert_in_order, cached
from workloads.pipelines.compiled import golden

SPEC, PLATFORM = yaml.safe_load_all(golden("train_register_serve").read_text())
TASKS: dict[str, Any] = SPEC["root"]["dag"]["tasks"]
EXECUTORS: dict[str, Any] = PLATFORM["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
CHAIN = ["load-data", "validate-data", "train", "evaluate", "register", "deploy", "smoke"]


def test_every_step_waits_for_the_one_before() -> None:
    assert_in_order(TASKS, CHAIN)


def test_only_steps_that_depend_on_the_data_alone_are_cached() -> None:
    assert cached(TASKS) == {"load-data", "validate-data", "train"}


@pytest.mark.parametrize("name", ["load-data", "validate-data", "train"])
def test_a_cached_step_has_the_digest_of_the_data_and_no_run_id_among_its_inputs(name: str) -> None:
    inputs = TASKS[name]["inputs"]["parameters"]
    assert "data_sha256" in inputs
    assert "pipeline_job_uuid" not in yaml.safe_dump(inputs)


def test_only_the_step_that_reads_the_object_store_has_its_keys() -> None:
    assert [name for name in CHAIN if "secretAsEnv" in EXECUTORS[f"exec-{name}"]] == ["load-data"]
