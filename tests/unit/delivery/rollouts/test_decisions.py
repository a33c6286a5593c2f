"""What follows from what is seen, phase by phase; and that no order of events breaks a promise."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delivery.proofs.comparison import Replayed
from delivery.proofs.golden_rows import GoldenCheck, Outcome
from delivery.rollouts.decisions import Observation, Readiness, decide
from delivery.rollouts.records import Counts, Kind, Status
from delivery.statistics.agreement import AgreementCounts
from tests.unit.delivery.rollouts.rollout_cases import after, proven, rollout, seen
from workloads.serving.model_rollout import ENDED, Phase


def _progressing(weight: int = 5, step: int = 0, **changes: Any) -> Status:
    made = Status(phase=Phase.PROGRESSING, weight=weight, step=step, step_seconds=2, stable_version="1")
    return replace(made, **changes)


def _counts(
    weight: int = 50, canary: int = 0, canary_failed: int = 0, stable: int = 0, stable_failed: int = 0
) -> Counts:
    return Counts(
        weight=weight, canary=canary, canary_failed=canary_failed, stable=stable, stable_failed=stable_failed
    )


def test_a_version_without_a_ready_pod_gets_no_request() -> None:
    for canary in (Readiness.MISSING, Readiness.STARTING):
        decision = decide(rollout(), seen(canary=canary, canary_says="pulling"))
        assert (decision.status.phase, decision.weights) == (Phase.PENDING, {"1": 100})
        assert decision.status.reason == f"version 2 is {canary}: pulling"


def test_a_version_that_is_not_ready_by_the_deadline_is_rolled_back_with_kserves_reason() -> None:
    waiting = rollout(Status(elapsed_seconds=899))
    decision = decide(waiting, seen(canary=Readiness.STARTING, canary_says="ImagePullBackOff"))
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
    assert decision.status.reason == (
        "version 2 is starting: ImagePullBackOff, 900 s after its rollout began"
    )


def test_a_version_with_other_files_is_rolled_back_whatever_the_phase() -> None:
    for status in (Status(), _progressing(), Status(phase=Phase.PAUSED)):
        decision = decide(
            rollout(status),
            seen(canary=Readiness.OTHER_FILES, canary_says="e" * 64),
        )
        assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
        assert "answers with digest eee" in decision.status.reason


def test_the_first_version_of_a_model_serves_at_once() -> None:
    decision = decide(rollout(), seen(serving="", champion=""))
    assert (decision.status.phase, decision.weights, decision.champion) == (Phase.BAKING, {"2": 100}, "2")


def test_without_steps_the_version_serves_at_once_and_the_former_one_runs_on_until_it_has_baked() -> None:
    now, decision = after(rollout(steps=()), seen())
    assert (decision.status.phase, decision.weights, decision.champion) == (Phase.BAKING, {"2": 100}, "2")
    now, decision = after(now, seen(seconds=19, champion="2"))
    assert decision.status.phase is Phase.BAKING
    now, decision = after(now, seen(seconds=1, champion="2"))
    assert (decision.status.phase, decision.weights) == (Phase.PROMOTED, {"2": 100})
    assert now.serving_version == "2"


def test_a_registry_that_does_not_answer_delays_the_promotion_and_not_the_rollback() -> None:
    decision = decide(rollout(steps=()), seen(champion=None))
    assert (decision.status.phase, decision.weights) == (Phase.PENDING, {"1": 100})
    assert "the registry does not answer" in decision.status.reason
    back = decide(rollout(_progressing(), aborted=True), seen(champion=None))
    assert back.status.phase is Phase.ROLLED_BACK


def test_each_step_gets_its_share_for_its_least_time_while_both_are_well() -> None:
    now, decision = after(rollout(), seen())
    assert (decision.status.phase, decision.weights) == (Phase.PROGRESSING, {"1": 95, "2": 5})
    few = _counts(weight=5, canary=1, stable=19)
    now, decision = after(now, seen(few, seconds=9))
    assert decision.weights == {"1": 95, "2": 5}
    now, decision = after(now, seen(few, seconds=1))
    assert (decision.status.step, decision.weights) == (1, {"1": 50, "2": 50})


def test_a_good_version_is_promoted_once_it_has_answered_enough() -> None:
    start = rollout(_progressing(weight=50, step=1))
    now, decision = after(start, seen(_counts(canary=100, stable=100), seconds=10))
    assert decision.status.phase is Phase.PROGRESSING
    assert decision.status.reason.endswith("more answers are needed")
    now, decision = after(now, seen(_counts(canary=300, stable=300)))
    assert (decision.status.phase, decision.champion) == (Phase.BAKING, "2")
    assert decision.status.reason == (
        "version 2 gets every request, after 0 of 400 requests failed, 0 of 400 of the version before it"
    )


def test_a_version_that_fails_is_rolled_back_with_figures() -> None:
    now, decision = after(
        rollout(_progressing()), seen(_counts(weight=5, canary=5, canary_failed=5, stable=95))
    )
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
    assert decision.status.reason == (
        "version 2 fails more often: 5 of 5 requests failed, 0 of 95 of the version before it"
    )
    assert decision.status.evidence["failsMore"] >= decision.status.evidence["failsMoreThreshold"]
    assert now.serving_version == "1"


def test_a_version_that_may_fail_more_often_gets_no_larger_share() -> None:
    bad = _counts(weight=5, canary=20, canary_failed=1, stable=380)
    decision = decide(rollout(_progressing()), seen(bad, seconds=10))
    assert (decision.status.phase, decision.weights) == (Phase.PROGRESSING, {"1": 95, "2": 5})
    assert decision.status.reason.endswith("it may fail more often: more answers are needed")


def test_a_version_that_may_be_slower_is_not_promoted() -> None:
    fast, slow = (100.0, 200.0), (0.0, 200.0)
    now = rollout(_progressing(weight=50, step=1))
    for _ in range(4):
        now, decision = after(now, seen(_counts(canary=200, stable=200), seconds=3, histograms=(slow, fast)))
        assert decision.status.phase is Phase.PROGRESSING
    assert now.status.reason.endswith("it may be slower: more answers are needed")


def test_a_cause_that_both_share_neither_promotes_nor_rolls_back() -> None:
    both = _counts(canary=4000, canary_failed=20, stable=4000, stable_failed=80)
    decision = decide(rollout(_progressing(weight=50, step=1)), seen(both, seconds=10))
    assert decision.status.phase is Phase.PROGRESSING
    assert decision.status.reason.endswith("the version that serves fails itself")


def test_a_slower_version_is_rolled_back_by_comparisons_at_equal_shares_alone() -> None:
    fast, slow = (10.0, 10.0, 10.0), (0.0, 10.0, 10.0)
    first = decide(rollout(_progressing()), seen(_counts(weight=5), histograms=(slow, fast)))
    assert first.status.ticks.ticks == 0
    now = rollout(_progressing(weight=50, step=1))
    for _ in range(12):
        now, _ = after(now, seen(_counts(canary=10, stable=10), histograms=(slow, fast)))
        if now.ended:
            break
    assert now.status.phase is Phase.ROLLED_BACK
    assert now.status.reason.startswith("version 2 is slower: in ")


def test_without_requests_there_is_no_verdict_and_the_deadline_rolls_back() -> None:
    now, decision = after(
        rollout(_progressing(weight=50, step=1)), *[seen(_counts(), seconds=100) for _ in range(8)]
    )
    assert decision.status.phase is Phase.PROGRESSING
    _, decision = after(now, seen(_counts(), seconds=100))
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
    assert decision.status.reason.startswith("version 2 got no verdict within 900 s: 0 of 0 requests failed")


def test_a_gateway_that_cannot_be_read_keeps_the_share() -> None:
    decision = decide(rollout(_progressing()), seen(None, seconds=60))
    assert (decision.status.phase, decision.weights) == (Phase.PROGRESSING, {"1": 95, "2": 5})


def test_an_abort_before_anything_was_seen_leaves_the_version_that_serves() -> None:
    decision = decide(rollout(aborted=True), seen())
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})


def test_approval_is_awaited_before_any_request_and_without_a_deadline() -> None:
    waiting = rollout(needs_approval=True)
    now, decision = after(waiting, seen(), seen(seconds=10_000))
    assert (decision.status.phase, decision.weights) == (Phase.PAUSED, {"1": 100})
    _, decision = after(replace(now, approved_by="ann"), seen())
    assert (decision.status.phase, decision.weights) == (Phase.PROGRESSING, {"1": 95, "2": 5})


def test_an_abort_after_the_promotion_goes_back_while_the_former_version_runs() -> None:
    baking = rollout(Status(phase=Phase.BAKING, weight=100, stable_version="1"), aborted=True)
    decision = decide(baking, seen(champion="2"))
    assert (decision.status.phase, decision.weights, decision.champion) == (
        Phase.ROLLED_BACK,
        {"1": 100},
        "1",
    )
    gone = decide(baking, seen(champion="2", stable_ready=False))
    assert (gone.status.phase, gone.weights) == (Phase.BAKING, {"2": 100})


def test_a_version_that_serves_already_is_promoted_again() -> None:
    now, decision = after(rollout(version="1"), seen(), seen(seconds=20))
    assert (decision.status.phase, decision.weights, decision.champion) == (Phase.PROMOTED, {"1": 100}, None)
    assert now.serving_version == "1"


def test_a_version_whose_service_was_deleted_is_rolled_back() -> None:
    decision = decide(rollout(_progressing()), seen(_counts(weight=5), canary=Readiness.MISSING))
    assert decision.status.reason == "version 2 is missing: its InferenceService was deleted"


_OBSERVATIONS = st.builds(
    seen,
    st.one_of(
        st.none(),
        st.builds(
            _counts,
            canary=st.integers(5, 200),
            canary_failed=st.integers(0, 5),
            stable=st.integers(5, 200),
            stable_failed=st.integers(0, 5),
        ),
    ),
    seconds=st.sampled_from([1, 2, 5, 30]),
    canary=st.sampled_from(Readiness),
    serving=st.sampled_from(["", "1"]),
    stable_ready=st.booleans(),
    champion=st.sampled_from([None, "", "1", "2"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_OBSERVATIONS, max_size=40), st.lists(st.booleans(), min_size=40, max_size=40))
def test_no_order_of_events_gives_requests_to_a_version_that_cannot_answer(
    events: list[Observation], restarts: list[bool]
) -> None:
    now = rollout()
    for event, restarts_now in zip(events, restarts, strict=False):
        if now.ended:
            break
        counts = event.seen and replace(event.seen, weight=now.status.weight)
        decision = decide(now, replace(event, seen=counts))
        began = now.status.phase in (Phase.PENDING, Phase.PAUSED) and decision.status.phase not in (
            Phase.PENDING,
            Phase.PAUSED,
        )
        if began and decision.status.phase not in ENDED:
            assert event.canary is Readiness.READY
        if decision.weights:
            assert sum(decision.weights.values()) == 100
        if decision.status.phase is Phase.ROLLED_BACK:
            stable = decision.status.stable_version
            assert decision.weights == ({stable: 100} if stable else {})
            if began or now.status.phase in (Phase.PENDING, Phase.PAUSED):
                assert stable == event.serving
        if decision.champion == "2":
            assert decision.weights == {"2": 100}
        status = decision.status
        # A controller that starts again knows what the object says, and nothing else.
        now = replace(now, status=Status.from_json(status.to_json()) if restarts_now else status)


def _golden(outcome: Outcome, says: str = "2 of 32 golden rows differ") -> GoldenCheck:
    return GoldenCheck(outcome=outcome, says=says)


def test_a_version_whose_golden_rows_were_not_answered_gets_no_request() -> None:
    decision = decide(rollout(Status()), seen())
    assert (decision.status.phase, decision.weights) == (Phase.PENDING, {"1": 100})
    assert decision.status.reason == "version 2: golden rows were not asked for yet"
    late = decide(
        rollout(Status(elapsed_seconds=899)), seen(golden=_golden(Outcome.UNREAD, "golden rows: no answer"))
    )
    assert late.status.phase is Phase.ROLLED_BACK
    assert late.status.reason == "version 2: golden rows: no answer, 900 s after its rollout began"


def test_a_wrong_golden_answer_ends_a_rollout_at_once_whatever_the_phase() -> None:
    waiting = (Status(phase=each) for each in (Phase.PENDING, Phase.SHADOW, Phase.PAUSED))
    for status in (*waiting, proven(), _progressing()):
        decision = decide(rollout(status), seen(golden=_golden(Outcome.DIFFERENT)))
        assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
        assert decision.status.reason == "version 2: 2 of 32 golden rows differ"


@pytest.mark.parametrize(
    "wrong",
    [
        {"golden": _golden(Outcome.DIFFERENT)},
        {"canary": Readiness.OTHER_FILES, "canary_says": "e" * 64},
    ],
)
def test_a_version_that_serves_already_goes_back_with_the_alias(wrong: dict[str, Any]) -> None:
    baking = rollout(Status(phase=Phase.BAKING, weight=100, stable_version="1"))
    decision = decide(baking, seen(champion="2", **wrong))
    assert (decision.status.phase, decision.weights, decision.champion) == (
        Phase.ROLLED_BACK,
        {"1": 100},
        "1",
    )
    # Without another one that can answer, it stays.
    alone = decide(baking, seen(champion="2", stable_ready=False, **wrong))
    assert (alone.status.phase, alone.weights) == (Phase.BAKING, {"2": 100})


def test_golden_rows_then_shadow_then_approval_then_callers() -> None:
    current = rollout(Status(), needs_approval=True)
    current, decision = after(current, seen(golden=_golden(Outcome.EQUAL)))
    assert (decision.status.phase, decision.weights) == (Phase.SHADOW, {"1": 100})
    half = Replayed(counts=AgreementCounts(rows=50, different=1))
    current, decision = after(current, seen(replayed=half))
    assert (decision.status.phase, decision.weights) == (Phase.SHADOW, {"1": 100})
    assert decision.status.reason == (
        "version 2: 1 of 50 recorded rows are answered otherwise than by version 1 so far"
    )
    over = Replayed(counts=AgreementCounts(rows=100, different=2), is_over=True)
    current, decision = after(current, seen(replayed=over))
    assert (decision.status.phase, decision.weights) == (Phase.PAUSED, {"1": 100})
    current, decision = after(replace(current, approved_by="bob"), seen())
    assert (decision.status.phase, decision.weights) == (Phase.PROGRESSING, {"1": 95, "2": 5})
    assert [each.kind for each in decision.status.conditions] == [Kind.GOLDEN_ROWS, Kind.AGREEMENT]
    assert decision.status.shadow == AgreementCounts(rows=100, different=2)


def test_a_version_that_disagrees_is_rolled_back_before_any_caller() -> None:
    current, _ = after(rollout(Status()), seen(golden=_golden(Outcome.EQUAL)))
    swapped = Replayed(counts=AgreementCounts(rows=32, different=31))
    decision = decide(current, seen(replayed=swapped))
    assert (decision.status.phase, decision.weights) == (Phase.ROLLED_BACK, {"1": 100})
    assert decision.status.reason == (
        "version 2: 31 of 32 recorded rows are answered otherwise than by version 1; minimumAgreement is 0.9"
    )
    assert decision.status.evidence["disagrees"] > decision.status.evidence["disagreesThreshold"]
    assert decision.status.counts == ()


def test_a_model_without_golden_rows_goes_on_and_a_way_back_is_not_compared() -> None:
    current, decision = after(
        rollout(Status(), steps=()), seen(golden=_golden(Outcome.ABSENT), has_served=True)
    )
    assert (decision.status.phase, decision.weights) == (Phase.BAKING, {"2": 100})
    assert [(each.holds, each.reason) for each in current.status.conditions] == [
        (None, "NoReference"),
        (None, "HasServed"),
    ]


def test_a_replay_that_does_not_end_is_rolled_back_at_the_deadline() -> None:
    current, _ = after(rollout(Status()), seen(golden=_golden(Outcome.EQUAL)))
    decision = decide(current, seen(seconds=900))
    assert decision.status.phase is Phase.ROLLED_BACK
    assert decision.status.reason.endswith("so far, 900 s after its rollout began")
