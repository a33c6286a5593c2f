"""The order of the steps of a retraining, what comes from the cache, and what each is handed."""

from typing import Any

import pytest
import yaml

from tests.unit.workloads.pipelines.golden_tasks import assert_in_order, cached
from workloads.pipelines.compiled import golden

SPEC, PLATFORM = yaml.safe_load_all(golden("retrain").read_text())
TASKS: dict[str, Any] = SPEC["root"]["dag"]["tasks"]
CHAIN = [
    "load-data",
    "assemble-data",
    "validate-data",
    "train",
    "compare",
    "evaluate",
    "register",
    "deploy",
    "smoke",
]
# A longer container is refused by Kubernetes.
_MOST_BYTES = 128 * 1024


def test_every_step_waits_for_the_one_before() -> None:
    assert_in_order(TASKS, CHAIN)


def test_what_is_stored_is_read_anew_and_equal_data_is_not_trained_on_twice() -> None:
    assert cached(TASKS) == {"validate-data", "train"}


@pytest.mark.parametrize("step", CHAIN[2:-1])
def test_every_step_after_it_has_the_digest_of_the_assembled_data(step: str) -> None:
    assert TASKS[step]["inputs"]["parameters"]["data_sha256"] == {
        "taskOutputParameter": {"outputParameterKey": "sha256", "producerTask": "assemble-data"}
    }


def test_the_model_stays_that_of_its_base_and_the_rollout_says_why() -> None:
    assert TASKS["register"]["inputs"]["parameters"]["data"] == {"componentInputParameter": "data"}
    for step in ("compare", "smoke"):
        assert TASKS[step]["inputs"]["parameters"]["reason"] == {"componentInputParameter": "reason"}


def test_its_rollout_requires_no_agreement_with_a_champion_that_labels_have_judged() -> None:
    assert TASKS["smoke"]["inputs"]["parameters"]["replay"] == {"runtimeValue": {"constant": False}}


def test_the_rows_that_are_compared_by_are_not_those_that_are_trained_on() -> None:
    artifact = {name: TASKS[name]["inputs"]["artifacts"] for name in ("train", "compare")}
    train = artifact["train"]["dataset"]["taskOutputArtifact"]["outputArtifactKey"]
    compare = artifact["compare"]["fresh"]["taskOutputArtifact"]["outputArtifactKey"]
    assert (train, compare) == ("dataset", "fresh")


@pytest.mark.parametrize("step", CHAIN)
def test_no_step_is_too_long_for_a_container(step: str) -> None:
    container = SPEC["deploymentSpec"]["executors"][f"exec-{step}"]["container"]
    assert len(str(container).encode()) < _MOST_BYTES


def test_the_steps_that_read_the_object_store_have_its_keys() -> None:
    executors = PLATFORM["platforms"]["kubernetes"]["deploymentSpec"]["executors"]
    opened = {name for name, each in executors.items() if each.get("secretAsEnv")}
    assert opened == {"exec-load-data", "exec-assemble-data"}
