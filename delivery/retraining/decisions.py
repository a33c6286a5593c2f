"""Whether alerts about a model begin a retraining: a pure function of what is on record."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from delivery.retraining.alerts import DriftAlert
from delivery.retraining.limits import RetrainingLimits
from workloads.retraining.records import Attempt

_WEEK = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What to do."""

    begins: bool
    because: str = ""
    """Why not; empty if a run begins."""
    alerts: tuple[DriftAlert, ...] = ()
    """Those that the run, or the refusal, answers."""
    is_known: bool = False
    """Whether the alerts were answered before, so that there is nothing new to put on record."""

    @property
    def reason(self) -> str:
        """The alerts, as the records of the run and of its rollout have them."""
        names = dict.fromkeys(each.name for each in self.alerts)
        variables = dict.fromkeys(each.variable for each in self.alerts if each.variable)
        which = f" ({', '.join([*variables][:5])})" if variables else ""
        return f"retrain: {', '.join(names)}{which}"


def decide(
    now: datetime,
    alerts: Sequence[DriftAlert],
    past: Sequence[Attempt],
    champion: str,
    limits: RetrainingLimits,
    labelled_rows: Callable[[], int],
) -> Decision:
    """Return whether a run begins.

    Args:
        now: The time, in UTC.
        alerts: Those of one model that fire, at least one.
        past: Answers to earlier alerts about it.
        champion: The version that serves.
        limits: What the stack allows.
        labelled_rows: Counts the rows that have a label, at most. Called last, and only if nothing else is
            in the way.
    """
    begun = [each for each in past if not each.because]
    answered = {identity for each in begun for identity in each.alerts}
    about = tuple(each for each in alerts if each.version == champion)
    fresh = tuple(each for each in about if each.identity not in answered)
    if not about:
        return Decision(
            begins=False,
            because=f"version {alerts[0].version} serves no longer",
            alerts=tuple(alerts),
            is_known=True,
        )
    if not fresh:
        return Decision(
            begins=False, because="these alerts have begun a run already", alerts=about, is_known=True
        )
    because = _too_often(now, begun, limits)
    because = because or _too_few(labelled_rows(), limits.minimum_labelled_rows)
    return Decision(begins=not because, because=because, alerts=fresh)


def _too_often(now: datetime, begun: Sequence[Attempt], limits: RetrainingLimits) -> str:
    last = max((each.time for each in begun), default=None)
    if last is not None and (now - last).total_seconds() < limits.cooldown_seconds:
        ends = last + timedelta(seconds=limits.cooldown_seconds)
        return f"the last one began at {last:%Y-%m-%dT%H:%M:%SZ}, the next may at {ends:%Y-%m-%dT%H:%M:%SZ}"
    count = sum(now - each.time < _WEEK for each in begun)
    if count >= limits.max_per_week:
        return f"{count} began within seven days, and no more than {limits.max_per_week} may"
    return ""


def _too_few(rows: int, minimum: int) -> str:
    if rows >= minimum:
        return ""
    return (
        f"{minimum - rows} of {minimum} labelled rows are missing: drift cannot be trained away without them"
    )
