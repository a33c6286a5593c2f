"""Replays: a new version answers recorded rows, for nobody, and is compared with the one that serves.

No caller waits for it, and the version that serves is not asked again: its answers are on record. It also
warms up the new version.
"""

import time
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from delivery.payloads.recent import Recent
from delivery.proofs import recorded
from delivery.proofs.comparison import Comparison, Replayed
from delivery.proofs.predictors import NoAnswerError, Predictors, RefusedError
from delivery.proofs.recorded import RecordedRow
from delivery.statistics.agreement import AgreementCounts
from delivery.version import Version

_SECONDS: Final = 1.0
"""Of one call: other models wait."""
_ROWS_AT_ONCE: Final = 32


@dataclass(kw_only=True)
class _Replay:
    rollout: str
    rows: deque[RecordedRow]
    comparison: Comparison
    counts: AgreementCounts = field(default_factory=AgreementCounts)


class Replays:
    """Replays of the rollouts under way, one of each model at most."""

    def __init__(self, recent: Recent, predictors: Predictors, excluded_features: Sequence[str] = ()) -> None:
        """Begin without any.

        Args:
            recent: Recorded requests.
            predictors: Whom to ask.
            excluded_features: Features that recorded rows may lack.
        """
        self._recent = recent
        self._predictors = predictors
        self._excluded = tuple(excluded_features)
        self._replays: dict[tuple[str, str], _Replay] = {}

    def advance(self, rollout: str, *, stable: Version, canary: Version, most_rows: int) -> Replayed | None:
        """Replay further rows, for about a second.

        Args:
            rollout: Name of the rollout; another one of the model begins anew.
            stable: The version that serves, whose answers are recorded.
            canary: The version that answers the same rows.
            most_rows: Rows to replay, at most.

        Returns:
            How far it is; None if it has not begun.
        """
        place = (canary.namespace, canary.model_name)
        replay = self._replays.get(place)
        if replay is None or replay.rollout != rollout:
            batches = self._recent.of(stable, most_rows)
            if batches is None:
                return None
            rows = recorded.distinct_rows(batches, most_rows)
            if not rows:
                return Replayed(without=f"no rows of version {stable.number} are recorded")
            try:
                replay = self._begun(rollout, stable, canary, rows)
            except NoAnswerError:
                return None
            self._replays[place] = replay
        ends = time.monotonic() + _SECONDS
        try:
            while replay.rows:
                self._step(replay, canary)
                if time.monotonic() > ends:
                    break
        except NoAnswerError:
            # It may start again: its deadline is the end of patience.
            pass
        except _IncompleteError as error:
            return Replayed(without=str(error))
        return Replayed(counts=replay.counts, is_over=not replay.rows)

    def _begun(self, rollout: str, stable: Version, canary: Version, rows: Sequence[RecordedRow]) -> _Replay:
        now = self._predictors.facts(canary).classes
        try:
            before = self._predictors.facts(stable).classes
        except NoAnswerError:
            # A version that serves no longer must not be in the way of the one that replaces it.
            before = now
        comparison = Comparison.of(before, now, [each.answer for each in rows])
        return _Replay(rollout=rollout, rows=deque(rows), comparison=comparison)

    def _step(self, replay: _Replay, canary: Version) -> None:
        columns = replay.rows[0].columns
        some: list[RecordedRow] = []
        for each in replay.rows:
            if each.columns != columns or len(some) == _ROWS_AT_ONCE:
                break
            some.append(each)
        different = self._different(replay, canary, some)
        for _ in some:
            replay.rows.popleft()
        counts = replay.counts
        replay.counts = AgreementCounts(rows=counts.rows + len(some), different=counts.different + different)

    def _different(self, replay: _Replay, canary: Version, rows: Sequence[RecordedRow]) -> int:
        """Return how many rows the new version answers otherwise, or not at all."""
        try:
            answered = self._predictors.answers(canary, recorded.request(rows))
        except RefusedError as error:
            if len(rows) > 1:
                # One row may be the reason.
                return sum(self._different(replay, canary, [each]) for each in rows)
            if self._excluded and not error.is_failure:
                raise _IncompleteError(
                    f"recorded rows may lack excluded features, and are refused: {error}"
                ) from None
            return 1
        if len(answered) != len(rows):
            return len(rows)
        return sum(
            replay.comparison.differ(row.answer, answer) for row, answer in zip(rows, answered, strict=True)
        )


class _IncompleteError(Exception):
    """Recorded rows do not suffice to ask for their answers."""
