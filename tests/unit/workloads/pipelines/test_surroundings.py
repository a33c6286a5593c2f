"""What every step gets, whatever its pipeline."""

from typing import Any

import pytest
import yaml

from workloads.contract import StepVariable
from workloads.pipelines.compiled import PIPELINES, golden


@pytest.mark.parametrize("name", PIPELINES)
def test_a_step_knows_the_platform_its_run_and_its_threads(name: str) -> None:
    spec, platform = yaml.safe_load_all(golden(name).read_text())
    surroundings: dict[str, Any] = platform["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    executors: dict[str, Any] = spec["deploymentSpec"]["executors"]
    assert executors.keys() == surroundings.keys()
    for step, executor in executors.items():
        (endpoints,) = surroundings[step]["configMapAsEnv"]
        assert endpoints["configMapName"] == "plinth-endpoints"
        assert {each["configMapKey"] for each in endpoints["keyToEnv"]} == {
            each.value for each in StepVariable
        }
        assert surroundings[step]["fieldPathAsEnv"] == [
            {"name": "KFP_RUN_ID", "fieldPath": "metadata.labels['pipeline/runid']"}
        ]
        environment = {each["name"]: each["value"] for each in executor["container"]["env"]}
        assert environment["OPENBLAS_CORETYPE"] == "Haswell"
        assert environment["OMP_NUM_THREADS"] == environment["OPENBLAS_NUM_THREADS"] == "1"
        assert environment["KFP_TASK"] == step.removeprefix("exec-")
        assert executor["container"]["resources"]["resourceMemoryLimit"]
