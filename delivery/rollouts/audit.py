"""What goes on record of a rollout that has ended."""

from collections.abc import Sequence
from typing import Any, Final

from delivery.rollouts.records import Kind, Rollout
from workloads.serving.rollout_record import RolloutRecord

# With everything else of a record it fits into a tag of the registry; KServe's own words may be long.
_SENTENCE: Final = 1000


def record_of(rollout: Rollout, rollouts: Sequence[Rollout]) -> RolloutRecord:
    """Return the record of a rollout.

    Args:
        rollout: One that has ended.
        rollouts: All of its model that are known, from which the former version's digest is taken: the
            controller has compared it with the answers of that version.
    """
    status = rollout.status
    former = (each.digest for each in rollouts if each.version == status.stable_version)
    return RolloutRecord(
        rollout=rollout.name,
        model=rollout.model_name,
        version=rollout.version,
        digest=rollout.digest,
        before=status.stable_version,
        digest_before=next(former, ""),
        at=status.ended_at,
        ended=status.phase.value,
        because=status.reason[: _SENTENCE if rollout.experiment is None else _SENTENCE // 2],
        reason=rollout.reason,
        requested_by=rollout.requested_by,
        approved_by=rollout.approved_by,
        counts=tuple(each.to_json() for each in status.counts),
        # That of an experiment is among its own figures.
        proofs=tuple(each.to_json() for each in status.conditions if each.kind is not Kind.EXPERIMENT),
        evidence=dict(status.evidence),
        experiment=_experiment(rollout),
    )


def _experiment(rollout: Rollout) -> dict[str, Any]:
    """Return what was asked of an experiment, and what it has found; nothing without one."""
    if rollout.experiment is None:
        return {}
    found = rollout.status.experiment.to_json()
    del found["needed"]
    return {**rollout.experiment.to_json(), **found, "says": found["says"][: _SENTENCE // 2]}
