"""What became of a version's proofs. Pure: what was found becomes conditions of its rollout."""

from dataclasses import replace
from typing import Final

from delivery.proofs.comparison import Replayed
from delivery.proofs.golden_rows import GoldenCheck, Outcome
from delivery.rollouts.evidence import weigh
from delivery.rollouts.records import Condition, Kind, Rollout, Status
from delivery.statistics import agreement
from delivery.statistics.agreement import AgreementCounts
from workloads.serving.model_rollout import Phase

NOT_ASKED: Final = "golden rows were not asked for yet"


def with_golden(status: Status, check: GoldenCheck | None) -> Status:
    """Return the status with what a look at golden rows has shown; one without an answer shows nothing."""
    if check is None or check.outcome is Outcome.UNREAD:
        return status
    holds = None if check.outcome is Outcome.ABSENT else check.outcome is Outcome.EQUAL
    return status.with_condition(
        Condition(kind=Kind.GOLDEN_ROWS, holds=holds, reason=check.outcome, message=check.says)
    )


def with_agreement(
    rollout: Rollout, status: Status, replayed: Replayed | None, *, has_served: bool
) -> Status:
    """Return the status with what a replay has shown so far, and with its result once there is one.

    Args:
        rollout: The rollout.
        status: Its status; golden rows come first.
        replayed: How far the replay is; None if there is none yet.
        has_served: Whether an earlier rollout of the version ended with its promotion.
    """
    if status.condition(Kind.GOLDEN_ROWS) is None or status.condition(Kind.AGREEMENT) is not None:
        return status
    if without := _without_replay(rollout, status, replayed, has_served=has_served):
        reason, message = without
        return _ended(status, None, reason, message)
    if status.phase is not Phase.SHADOW or replayed is None:
        # Without the rows of an earlier replay, that of a controller that has ended.
        return replace(status, shadow=AgreementCounts())
    status = replace(status, shadow=replayed.counts)
    status = replace(status, evidence=weigh(rollout, status))
    says = agreement_of(status)
    if agreement.disagrees(status.shadow, rollout.minimum_agreement):
        says = f"{says}; minimumAgreement is {rollout.minimum_agreement:g}"
        return _ended(status, False, "Disagrees", says)
    return _ended(status, True, "Agrees", says) if replayed.is_over else status


def agreement_of(status: Status) -> str:
    """Return how far both versions agree, as part of a sentence."""
    shadow = status.shadow
    return (
        f"{shadow.different} of {shadow.rows} recorded rows are answered otherwise "
        f"than by version {status.stable_version}"
    )


def _without_replay(
    rollout: Rollout, status: Status, replayed: Replayed | None, *, has_served: bool
) -> tuple[str, str] | None:
    """Return why nothing is replayed, as one word and as a sentence; None if something is."""
    if not rollout.shadow_rows:
        return "NotAsked", "shadowRows is 0"
    if status.stable_version in ("", rollout.version):
        return "NothingServes", "no other version serves"
    # The way back must not depend on what the version answers that is to go.
    if has_served:
        return "HasServed", "it has served before"
    return ("NoRecordedRows", replayed.without) if replayed and replayed.without else None


def _ended(status: Status, holds: bool | None, reason: str, message: str) -> Status:
    return status.with_condition(Condition(kind=Kind.AGREEMENT, holds=holds, reason=reason, message=message))
