"""Rollouts as the API has them."""

from dataclasses import replace
from typing import Any

from delivery.experiments.records import ExperimentState
from delivery.rollouts.records import Counts, Defaults, Kind, Rollout, Status, Step
from delivery.statistics.agreement import AgreementCounts
from delivery.statistics.latency import TickCounts
from tests.unit.delivery.rollouts.rollout_cases import DIGEST, PROVEN
from workloads.serving.experiment_request import Experiment, Metric
from workloads.serving.model_rollout import Phase, rollout_body

_STACK = Defaults.from_json(
    {
        "steps": [{"weight": 1, "seconds": 120}],
        "shadowRows": 50,
        "minimumAgreement": 0.8,
        "maxErrorRatio": 0.02,
        "deadlineSeconds": 600,
        "bakeSeconds": 30,
        "approval": True,
    }
)


def _object(**options: Any) -> dict[str, Any]:
    steps = options.pop("steps", None)
    body = rollout_body(
        "wine-v2-abc",
        "models",
        model_name="wine",
        version="2",
        digest=DIGEST,
        reason="test",
        steps=steps,
        options=options,
    )
    body["metadata"]["creationTimestamp"] = "2026-01-01T00:00:00Z"
    return body


def test_what_a_rollout_leaves_out_is_the_stacks() -> None:
    found = Rollout.from_object(_object(), _STACK)
    assert found.steps == (Step(weight=1, seconds=120),)
    assert (found.max_error_ratio, found.deadline_seconds, found.bake_seconds) == (0.02, 600, 30)
    assert (found.shadow_rows, found.minimum_agreement) == (50, 0.8)
    assert found.needs_approval
    assert (found.status, found.approved_by, found.aborted) == (Status(), "", False)


def test_what_a_rollout_says_counts() -> None:
    given = _object(
        steps=[],
        shadowRows=0,
        minimumAgreement=0.7,
        maxErrorRatio=0.1,
        deadlineSeconds=60,
        bakeSeconds=10,
        approval={"by": "ann"},
        abort=True,
    )
    found = Rollout.from_object(given, _STACK)
    assert found.steps == ()
    assert (found.max_error_ratio, found.deadline_seconds, found.bake_seconds) == (0.1, 60, 10)
    assert (found.shadow_rows, found.minimum_agreement) == (0, 0.7)
    assert (found.approved_by, found.aborted) == ("ann", True)


def test_a_rollout_asks_for_approval_and_never_lets_itself_off() -> None:
    def needs_approval(defaults: Defaults, **approval: bool) -> bool:
        return Rollout.from_object(_object(approval=approval), defaults).needs_approval

    assert needs_approval(_STACK, required=False)
    assert needs_approval(Defaults(), required=True)
    assert not needs_approval(Defaults(), required=False)
    assert not needs_approval(Defaults())


def test_a_status_is_the_same_after_the_api_had_it() -> None:
    status = Status(
        phase=Phase.PROGRESSING,
        weight=25,
        stable_version="1",
        step=1,
        step_seconds=4.0,
        elapsed_seconds=14.0,
        conditions=(PROVEN[0], replace(PROVEN[1], holds=None)),
        shadow=AgreementCounts(rows=100, different=2),
        counts=(
            Counts(weight=5, canary=1, canary_failed=0, stable=19, stable_failed=1),
            Counts(weight=25, canary=5, canary_failed=1, stable=15, stable_failed=0),
        ),
        ticks=TickCounts(ticks=3, slower=1),
        evidence={"failsMore": 0.25},
        experiment=ExperimentState(needed="about 500", begun_at="2026-11-30T12:00:00+00:00"),
        reason="so far",
    )
    assert Status.from_json(status.to_json()) == status


def test_conditions_have_the_form_of_kubernetes_and_one_of_each_kind() -> None:
    status = Status().with_condition(PROVEN[1]).with_condition(PROVEN[0])
    status = status.with_condition(replace(PROVEN[1], holds=None, reason="NotAsked"))
    assert [(each["type"], each["status"], each["reason"]) for each in status.to_json()["conditions"]] == [
        ("GoldenRows", "True", "Equal"),
        ("Agreement", "Unknown", "NotAsked"),
    ]
    assert status.condition(Kind.AGREEMENT) == replace(PROVEN[1], holds=None, reason="NotAsked")
    assert Status().condition(Kind.GOLDEN_ROWS) is None


def test_counts_of_one_share_are_added_and_those_of_another_are_apart() -> None:
    status = (
        Status().add(Counts(weight=5, canary=1, stable=2)).add(Counts(weight=5, canary=3, stable_failed=1))
    )
    status = status.add(Counts(weight=50, canary=7))
    assert status.counts == (
        Counts(weight=5, canary=4, stable=2, stable_failed=1),
        Counts(weight=50, canary=7),
    )


def test_a_rollout_serves_its_version_once_it_has_taken_over() -> None:
    for phase, version in (
        (Phase.PROGRESSING, "1"),
        (Phase.BAKING, "2"),
        (Phase.PROMOTED, "2"),
        (Phase.ROLLED_BACK, "1"),
    ):
        body = _object()
        body["status"] = Status(phase=phase, stable_version="1").to_json()
        assert Rollout.from_object(body, _STACK).serving_version == version


def test_an_experiment_has_a_step_of_its_own() -> None:
    def weights(share: int, *steps: tuple[int, int]) -> list[tuple[int, float]]:
        asked = {"metric": "accuracy", "minimumEffect": 0.02, "share": share}
        given = [{"weight": weight, "seconds": seconds} for weight, seconds in steps]
        found = Rollout.from_object(_object(experiment=asked, steps=given), _STACK)
        assert found.experiment == Experiment(metric=Metric.ACCURACY, minimum_effect=0.02, share=share)
        return [(each.weight, each.seconds) for each in found.steps]

    assert weights(50, (5, 10), (50, 60)) == [(5, 10), (50, 60)]
    assert weights(50, (5, 10), (75, 60)) == [(5, 10), (50, 10), (75, 60)]
    assert weights(50) == [(50, 0)]
    assert weights(1, (5, 10)) == [(1, 0), (5, 10)]


def test_a_status_without_experiment_says_nothing_of_one() -> None:
    assert Status().to_json()["experiment"] is None
    assert Status.from_json(Status().to_json()) == Status()
    assert Rollout.from_object(_object(), _STACK).experiment is None
