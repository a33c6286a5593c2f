"""Steps that pipelines have in common: one source, equal programs."""

from typing import Any

import pytest
import yaml

from workloads.pipelines.compiled import golden

SPECS: dict[str, Any] = {
    name: next(yaml.safe_load_all(golden(name).read_text()))
    for name in ("train_register_serve", "tune", "retrain")
}
SHARED = ["load-data", "validate-data", "train", "evaluate", "register", "deploy", "smoke"]


@pytest.mark.parametrize("step", SHARED)
def test_a_step_is_the_same_program_in_every_pipeline(step: str) -> None:
    plain, *others = (spec["deploymentSpec"]["executors"][f"exec-{step}"] for spec in SPECS.values())
    assert others == [plain, plain]


@pytest.mark.parametrize("step", ["register", "deploy", "smoke"])
def test_a_model_that_nobody_trained_is_served_by_the_same_programs(step: str) -> None:
    embedded = next(yaml.safe_load_all(golden("embed").read_text()))
    executors = [
        each["deploymentSpec"]["executors"][f"exec-{step}"]
        for each in (embedded, SPECS["train_register_serve"])
    ]
    assert executors[0] == executors[1]


@pytest.mark.parametrize("step", [each for each in SHARED if each != "train"])
def test_a_step_has_the_same_inputs_in_the_pipelines_that_begin_with_it(step: str) -> None:
    plain, tuned = (SPECS[name]["root"]["dag"]["tasks"][step] for name in ("train_register_serve", "tune"))
    assert plain == tuned
