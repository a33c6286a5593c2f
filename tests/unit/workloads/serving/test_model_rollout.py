"""ModelRollouts as dicts."""

import pytest

from workloads.serving.model_rollout import (
    ENDED,
    SERVES,
    Phase,
    rollout_body,
    rollout_phase,
    rollout_reason,
)

SPEC = {"modelName": "wine", "version": "7", "digest": "d7", "reason": "by hand"}


def test_a_rollout_leaves_to_the_stack_what_nobody_chose() -> None:
    made = rollout_body("wine-v7-1", "models", model_name="wine", version="7", digest="d7", reason="by hand")
    assert made == {
        "apiVersion": "delivery.plinth.dev/v1alpha1",
        "kind": "ModelRollout",
        "metadata": {
            "name": "wine-v7-1",
            "namespace": "models",
            "labels": {"plinth.dev/model-name": "wine"},
        },
        "spec": SPEC,
    }


@pytest.mark.parametrize("steps", [[], [{"weight": 5, "seconds": 10}, {"weight": 50, "seconds": 10}]])
def test_chosen_steps_and_options_are_in_the_spec(steps: list[dict[str, int]]) -> None:
    made = rollout_body(
        "wine-v7-1",
        "models",
        model_name="wine",
        version="7",
        digest="d7",
        reason="by hand",
        steps=steps,
        options={"deadlineSeconds": 60},
    )
    assert made["spec"] == {**SPEC, "deadlineSeconds": 60, "steps": steps}


def test_a_rollout_that_the_controller_has_not_seen_is_pending() -> None:
    for unseen in ({}, {"status": {}}):
        assert rollout_phase(unseen) is Phase.PENDING
        assert rollout_reason(unseen) == "the delivery controller has not seen it yet"


@pytest.mark.parametrize("phase", Phase)
def test_phase_and_reason_are_those_of_the_status(phase: Phase) -> None:
    found = {"status": {"phase": phase.value, "reason": "as decided"}}
    assert rollout_phase(found) is phase
    assert rollout_reason(found) == "as decided"


def test_a_rollout_has_ended_or_serves_in_these_phases() -> None:
    assert set(ENDED) == {Phase.PROMOTED, Phase.ROLLED_BACK}
    assert set(SERVES) == {Phase.BAKING, Phase.PROMOTED}
