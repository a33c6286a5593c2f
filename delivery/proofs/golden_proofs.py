"""Asks each version under rollout for its golden rows, before it gets requests and now and then later."""

from dataclasses import dataclass
from typing import Final

from delivery.proofs.golden_rows import GoldenCheck, GoldenRows, Outcome
from delivery.proofs.predictors import (
    NoAnswerError,
    NotOfferedError,
    Predictors,
    RefusedError,
)
from delivery.version import Version

_INTERVAL: Final = 10.0
_NOT_OFFERED: Final = "predictors offer no golden rows: neither drift nor payloads are enabled"


@dataclass
class _Known:
    rollout: str
    rows: GoldenRows | None
    """None if there are none."""
    seconds: float
    """Since they were asked for."""


class GoldenProofs:
    """Golden rows of the versions under rollout, one of each model at most."""

    def __init__(self, predictors: Predictors, *, are_offered: bool) -> None:
        """Begin without having asked.

        Args:
            predictors: Whom to ask.
            are_offered: Whether predictors of this stack have the page.
        """
        self._predictors = predictors
        self._are_offered = are_offered
        self._known: dict[tuple[str, str], _Known] = {}

    def check(self, rollout: str, version: Version, seconds: float, *, is_proven: bool) -> GoldenCheck | None:
        """Ask for the golden rows of a version if it is time to.

        Args:
            rollout: Name of its rollout.
            version: The version.
            seconds: Since the last call for it.
            is_proven: Whether an earlier call has come to a result.

        Returns:
            What was found; None if it is not time yet, or if there is known to be nothing to ask for.
        """
        place = (version.namespace, version.model_name)
        known = self._known.get(place)
        if known is None or known.rollout != rollout:
            found = self._find(version)
            if isinstance(found, GoldenCheck):
                if found.outcome is Outcome.ABSENT:
                    self._known[place] = _Known(rollout=rollout, rows=None, seconds=0)
                return found
            known = self._known[place] = _Known(rollout=rollout, rows=found, seconds=_INTERVAL)
        known.seconds += seconds
        if known.rows is None or (is_proven and known.seconds < _INTERVAL):
            return None
        known.seconds = 0
        return self._compare(version, known.rows)

    def _find(self, version: Version) -> GoldenRows | GoldenCheck:
        if not self._are_offered:
            return GoldenCheck(outcome=Outcome.ABSENT, says=_NOT_OFFERED)
        try:
            rows = self._predictors.golden_rows(version)
        except NotOfferedError as error:
            return GoldenCheck(outcome=Outcome.ABSENT, says=f"golden rows are not compared: {error}")
        except NoAnswerError as error:
            return GoldenCheck(outcome=Outcome.UNREAD, says=f"golden rows: {error}")
        if rows is None:
            return GoldenCheck(outcome=Outcome.ABSENT, says="the model carries no golden rows")
        return rows

    def _compare(self, version: Version, rows: GoldenRows) -> GoldenCheck:
        try:
            return rows.compare(self._predictors.answers(version, rows.request()))
        except (NoAnswerError, RefusedError) as error:
            if isinstance(error, RefusedError) and not error.is_failure:
                return GoldenCheck(outcome=Outcome.DIFFERENT, says=f"golden rows are refused: {error}")
            # A version that fails is judged by its errors: this is about answers.
            return GoldenCheck(outcome=Outcome.UNREAD, says=f"golden rows: {error}")
