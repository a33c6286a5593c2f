"""Rollouts and observations for tests of the controller."""

from dataclasses import replace
from typing import Any

from delivery.rollouts.decisions import Decision, Observation, Readiness, decide
from delivery.rollouts.records import Condition, Counts, Kind, Rollout, Status, Step

DIGEST = "d" * 64
STEPS = (Step(weight=5, seconds=10), Step(weight=50, seconds=10))


PROVEN = (
    Condition(kind=Kind.GOLDEN_ROWS, holds=True, reason="Equal", message="32 golden rows"),
    Condition(kind=Kind.AGREEMENT, holds=True, reason="Agrees", message="0 of 100 recorded rows"),
)


def proven(status: Status | None = None) -> Status:
    """Return the status of a version that has shown what it must before any caller."""
    return replace(status or Status(), conditions=PROVEN)


def rollout(status: Status | None = None, **changes: Any) -> Rollout:
    """Return the rollout of version 2 in two steps, while version 1 serves; by default it is proven."""
    made = Rollout(
        name="wine-v2-abc",
        model_name="wine",
        version="2",
        digest=DIGEST,
        created="2026-01-01T00:00:00Z",
        steps=STEPS,
        shadow_rows=100,
        minimum_agreement=0.9,
        max_error_ratio=0.01,
        deadline_seconds=900,
        bake_seconds=20,
        needs_approval=False,
        approved_by="",
        aborted=False,
        reason="test",
        requested_by="ann",
        status=proven() if status is None else status,
    )
    return replace(made, **changes)


def seen(counts: Counts | None = None, **changes: Any) -> Observation:
    """Return what is seen two seconds later, while everything is well."""
    made = Observation(
        seconds=2, canary=Readiness.READY, serving="1", seen=counts, champion="1", stable_ready=True
    )
    return replace(made, **changes)


def after(current: Rollout, *observations: Observation) -> tuple[Rollout, Decision]:
    """Return the rollout after these observations, and the last decision."""
    decision: Decision | None = None
    for each in observations:
        decision = decide(current, each)
        current = replace(current, status=decision.status)
    assert decision is not None
    return current, decision
