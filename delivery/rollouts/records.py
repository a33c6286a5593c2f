"""What a rollout is asked to do and how far it is, as its object has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, Self

from delivery.experiments.records import ExperimentState
from delivery.statistics.agreement import AgreementCounts
from delivery.statistics.latency import TickCounts
from workloads.serving.experiment_request import Experiment
from workloads.serving.model_rollout import ENDED, SERVES, Phase, rollout_phase


@dataclass(frozen=True, kw_only=True)
class Step:
    """A share of the requests, and the least time for which the version has it."""

    weight: int
    """Percent, 1 to 99."""
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Defaults:
    """What a stack does where a rollout says nothing."""

    steps: tuple[Step, ...] = ()
    shadow_rows: int = 500
    minimum_agreement: float = 0.9
    max_error_ratio: float = 0.01
    deadline_seconds: float = 900
    bake_seconds: float = 20
    approval: bool = False

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read them from the controller's settings, whose keys are those of a rollout's spec."""
        found = cls()
        return replace(
            found,
            steps=_steps(document.get("steps", [])),
            shadow_rows=int(document.get("shadowRows", found.shadow_rows)),
            minimum_agreement=float(document.get("minimumAgreement", found.minimum_agreement)),
            max_error_ratio=float(document.get("maxErrorRatio", found.max_error_ratio)),
            deadline_seconds=float(document.get("deadlineSeconds", found.deadline_seconds)),
            bake_seconds=float(document.get("bakeSeconds", found.bake_seconds)),
            approval=bool(document.get("approval", found.approval)),
        )


@dataclass(frozen=True, kw_only=True)
class Counts:
    """Requests that both versions answered at one share, and those that failed."""

    weight: int
    """Share of the new version, in percent."""
    canary: int = 0
    canary_failed: int = 0
    stable: int = 0
    stable_failed: int = 0

    def plus(self, other: "Counts") -> "Counts":
        """Return the sum of two counts, with the share of this one."""
        return Counts(
            weight=self.weight,
            canary=self.canary + other.canary,
            canary_failed=self.canary_failed + other.canary_failed,
            stable=self.stable + other.stable,
            stable_failed=self.stable_failed + other.stable_failed,
        )

    def to_json(self) -> dict[str, int]:
        """Return them as the status has them."""
        return {
            "weight": self.weight,
            "canary": self.canary,
            "canaryFailed": self.canary_failed,
            "stable": self.stable,
            "stableFailed": self.stable_failed,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            weight=int(document["weight"]),
            canary=int(document["canary"]),
            canary_failed=int(document["canaryFailed"]),
            stable=int(document["stable"]),
            stable_failed=int(document["stableFailed"]),
        )


class Kind(StrEnum):
    """What a version proves."""

    GOLDEN_ROWS = "GoldenRows"
    """It answers a few rows as it did at training time."""
    AGREEMENT = "Agreement"
    """It answers recorded rows as the version does that serves."""
    EXPERIMENT = "Experiment"
    """It is better than the version that serves, by labels of live requests."""


@dataclass(frozen=True, kw_only=True)
class Condition:
    """What became of a proof, in the form that Kubernetes has for it."""

    kind: Kind
    holds: bool | None
    """None if there was nothing to prove it by; the rollout goes on all the same."""
    reason: str
    """One word."""
    message: str
    """One sentence, with figures."""

    def to_json(self) -> dict[str, str]:
        """Return it as the status has it."""
        status = "Unknown" if self.holds is None else str(self.holds)
        return {"type": self.kind, "status": status, "reason": self.reason, "message": self.message}

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        return cls(
            kind=Kind(document["type"]),
            holds={"True": True, "False": False}.get(document["status"]),
            reason=str(document["reason"]),
            message=str(document["message"]),
        )


@dataclass(frozen=True, kw_only=True)
class Status:
    """How far a rollout is, as counts and durations: a controller that starts again loses nothing."""

    phase: Phase = Phase.PENDING
    weight: int = 0
    """Share of the requests that its version gets, in percent."""
    stable_version: str = ""
    """The version that served when it began; empty if none did."""
    step: int = 0
    """Place of the present step."""
    step_seconds: float = 0
    """Time in the present step; of a baking version, since it got every request."""
    elapsed_seconds: float = 0
    """Time since its version could have been judged first."""
    conditions: tuple[Condition, ...] = ()
    """Proofs that have come to a result."""
    shadow: AgreementCounts = field(default_factory=AgreementCounts)
    """Recorded rows that were replayed."""
    counts: tuple[Counts, ...] = ()
    ticks: TickCounts = field(default_factory=TickCounts)
    """Comparisons of both versions by latency."""
    evidence: Mapping[str, float] = field(default_factory=dict[str, float])
    """Each verdict's present value, and what it would have to reach."""
    experiment: ExperimentState = field(default_factory=ExperimentState)
    """As it is at first if the rollout has none."""
    reason: str = ""
    """One sentence with figures."""
    ended_at: str = ""
    """When it ended, in UTC, for the record alone."""
    recorded: bool = False
    """Whether its end is on record with the version in the registry."""

    @property
    def totals(self) -> Counts:
        """Counts of all shares together."""
        total = Counts(weight=self.weight)
        for each in self.counts:
            total = total.plus(each)
        return total

    def add(self, seen: Counts) -> "Status":
        """Return the status with further counts at the present share."""
        last = self.counts[-1] if self.counts else None
        if last is not None and last.weight == seen.weight:
            return replace(self, counts=(*self.counts[:-1], last.plus(seen)))
        return replace(self, counts=(*self.counts, seen))

    def condition(self, kind: Kind) -> Condition | None:
        """Return what became of a proof; None if it has not come to a result."""
        return next((each for each in self.conditions if each.kind is kind), None)

    def with_condition(self, condition: Condition) -> "Status":
        """Return the status with the result of a proof in place of an earlier one."""
        others = (each for each in self.conditions if each.kind is not condition.kind)
        ordered = sorted((*others, condition), key=lambda each: [*Kind].index(each.kind))
        return replace(self, conditions=tuple(ordered))

    def to_json(self) -> dict[str, Any]:
        """Return the status as the object has it."""
        return {
            "phase": self.phase.value,
            "weight": self.weight,
            "stableVersion": self.stable_version,
            "step": self.step,
            "stepSeconds": round(self.step_seconds, 1),
            "elapsedSeconds": round(self.elapsed_seconds, 1),
            "conditions": [each.to_json() for each in self.conditions],
            "shadow": {"rows": self.shadow.rows, "different": self.shadow.different},
            "counts": [each.to_json() for each in self.counts],
            "comparisons": self.ticks.ticks,
            "slower": self.ticks.slower,
            "evidence": {key: round(value, 4) for key, value in self.evidence.items()},
            "experiment": None if self.experiment == ExperimentState() else self.experiment.to_json(),
            "reason": self.reason,
            "endedAt": self.ended_at,
            "recorded": self.recorded,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, or nothing at all."""
        return cls(
            phase=Phase(document.get("phase", Phase.PENDING)),
            weight=int(document.get("weight", 0)),
            stable_version=str(document.get("stableVersion", "")),
            step=int(document.get("step", 0)),
            step_seconds=float(document.get("stepSeconds", 0)),
            elapsed_seconds=float(document.get("elapsedSeconds", 0)),
            conditions=tuple(Condition.from_json(each) for each in document.get("conditions", [])),
            shadow=AgreementCounts(**document.get("shadow", {})),
            counts=tuple(Counts.from_json(each) for each in document.get("counts", [])),
            ticks=TickCounts(
                ticks=int(document.get("comparisons", 0)), slower=int(document.get("slower", 0))
            ),
            evidence=dict(document.get("evidence", {})),
            experiment=ExperimentState.from_json(document.get("experiment") or {}),
            reason=str(document.get("reason", "")),
            ended_at=str(document.get("endedAt", "")),
            recorded=bool(document.get("recorded", False)),
        )


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """One ModelRollout."""

    name: str
    model_name: str
    version: str
    digest: str
    created: str
    """When, as the API server has it; orders the rollouts of a model."""
    steps: tuple[Step, ...]
    shadow_rows: int
    """Recorded rows to replay, at most; 0 for none."""
    minimum_agreement: float
    max_error_ratio: float
    deadline_seconds: float
    bake_seconds: float
    needs_approval: bool
    approved_by: str
    aborted: bool
    reason: str
    """Why somebody asked for it."""
    requested_by: str
    status: Status
    experiment: Experiment | None = None
    """A comparison by labels, at one of the steps; None without one."""

    @property
    def ended(self) -> bool:
        """Whether nothing will change any more."""
        return self.status.phase in ENDED

    @property
    def serving_version(self) -> str:
        """The version that gets most of the requests by this rollout; empty if it has not begun."""
        return self.version if self.status.phase in SERVES else self.status.stable_version

    @classmethod
    def from_object(cls, found: Mapping[str, Any], defaults: Defaults) -> Self:
        """Read an object of the API."""
        spec, metadata = found["spec"], found["metadata"]
        approval = spec.get("approval", {})
        steps = _steps(spec["steps"]) if "steps" in spec else defaults.steps
        experiment = Experiment.from_json(spec["experiment"]) if "experiment" in spec else None
        return cls(
            name=metadata["name"],
            model_name=spec["modelName"],
            version=spec["version"],
            digest=spec["digest"],
            created=metadata.get("creationTimestamp") or "",
            steps=_with_share(steps, experiment.share) if experiment else steps,
            shadow_rows=int(spec.get("shadowRows", defaults.shadow_rows)),
            minimum_agreement=float(spec.get("minimumAgreement", defaults.minimum_agreement)),
            max_error_ratio=float(spec.get("maxErrorRatio", defaults.max_error_ratio)),
            deadline_seconds=float(spec.get("deadlineSeconds", defaults.deadline_seconds)),
            bake_seconds=float(spec.get("bakeSeconds", defaults.bake_seconds)),
            # A rollout may demand more than its stack, and never less: who asks would let themselves off.
            needs_approval=defaults.approval or bool(approval.get("required", False)),
            approved_by=str(approval.get("by", "")),
            aborted=bool(spec.get("abort", False)),
            reason=str(spec["reason"]),
            requested_by=str(spec.get("requestedBy", "")),
            experiment=experiment,
            status=replace(Status.from_json(found.get("status", {})), phase=rollout_phase(found)),
        )


def _steps(document: list[Mapping[str, Any]]) -> tuple[Step, ...]:
    return tuple(Step(weight=int(each["weight"]), seconds=float(each.get("seconds", 0))) for each in document)


def _with_share(steps: tuple[Step, ...], share: int) -> tuple[Step, ...]:
    """Return the steps with one of an experiment's share, as long as the one before it if it is a new one."""
    if any(each.weight == share for each in steps):
        return steps
    smaller = [each for each in steps if each.weight < share]
    own = Step(weight=share, seconds=smaller[-1].seconds if smaller else 0)
    return (*smaller, own, *(each for each in steps if each.weight > share))
