"""What goes on record of a rollout."""

from dataclasses import replace

from delivery.experiments.records import ExperimentState, Verdict
from delivery.rollouts.audit import record_of
from delivery.rollouts.evidence import weigh
from delivery.rollouts.records import Condition, Counts, Kind, Status
from tests.unit.delivery.experiments.labelled import ASKED, right
from tests.unit.delivery.rollouts.rollout_cases import DIGEST, PROVEN, rollout
from workloads.serving.model_rollout import Phase

_STATUS = Status(
    phase=Phase.PROMOTED,
    weight=100,
    stable_version="1",
    counts=(Counts(weight=5, canary=20, stable=380, stable_failed=1),),
    evidence={"failsMore": 0.25},
    reason="version 2 gets every request",
    ended_at="2026-01-01T00:10:00+00:00",
)


def test_who_asked_who_approved_what_why_and_on_what_evidence() -> None:
    former = rollout(name="wine-v1-a", version="1", digest="1" * 64)
    ended = rollout(_STATUS, approved_by="bob")
    made = record_of(ended, [former, ended])
    assert (made.requested_by, made.approved_by, made.reason) == ("ann", "bob", "test")
    assert (made.rollout, made.model, made.version, made.digest) == ("wine-v2-abc", "wine", "2", DIGEST)
    assert (made.before, made.digest_before) == ("1", "1" * 64)
    assert (made.ended, made.because, made.at) == ("Promoted", _STATUS.reason, _STATUS.ended_at)
    assert made.counts == ({"weight": 5, "canary": 20, "canaryFailed": 0, "stable": 380, "stableFailed": 1},)
    assert made.evidence == {"failsMore": 0.25}
    assert (made.weights_before, made.weights_after) == ({"1": 100}, {"2": 100})


def test_the_digest_of_a_version_without_a_rollout_is_not_known() -> None:
    ended = rollout(_STATUS)
    assert record_of(ended, [ended]).digest_before == ""


def test_a_record_fits_into_a_tag_however_much_there_is_to_say() -> None:
    counts = tuple(
        Counts(weight=each, canary=10**9, canary_failed=10**9, stable=10**9, stable_failed=10**9)
        for each in range(1, 21)
    )
    status = Status(phase=Phase.ROLLED_BACK, counts=counts, evidence=_STATUS.evidence, reason="r" * 9000)
    assert len(record_of(rollout(status, reason="s" * 1024), []).text()) < 5000


def test_an_experiment_is_on_record_with_what_was_asked_and_found() -> None:
    assert record_of(rollout(_STATUS), []).experiment == {}
    state = ExperimentState(
        begun_at="2026-01-01T00:00:00+00:00",
        challenger=right(90, 100),
        champion=right(80, 100),
        verdict=Verdict.BETTER,
        says="accuracy 0.9",
    )
    made = record_of(rollout(replace(_STATUS, experiment=state), experiment=ASKED), [])
    assert (made.experiment["metric"], made.experiment["minimumEffect"]) == ("accuracy", 0.05)
    assert (made.experiment["verdict"], made.experiment["challenger"]["mean"]) == ("better", 0.9)


def test_a_record_of_an_experiment_fits_into_a_tag_too() -> None:
    counts = tuple(
        Counts(weight=each, canary=10**9, canary_failed=10**9, stable=10**9, stable_failed=10**9)
        for each in range(1, 21)
    )
    state = ExperimentState(
        needed="n" * 400,
        begun_at="2026-01-01T00:00:00+00:00",
        challenger=right(90_000, 100_000),
        champion=right(80_000, 100_000),
        low=-0.123456,
        high=0.123456,
        verdict=Verdict.NO_DIFFERENCE,
        says="s" * 600,
    )
    condition = Condition(kind=Kind.EXPERIMENT, holds=None, reason="NoDifference", message="s" * 650)
    status = Status(
        phase=Phase.ROLLED_BACK,
        counts=counts,
        conditions=(*PROVEN, condition),
        evidence=weigh(rollout(), _STATUS),
        reason="r" * 9000,
        experiment=state,
    )
    assert len(record_of(rollout(status, experiment=ASKED, reason="s" * 300), []).text()) < 5000
