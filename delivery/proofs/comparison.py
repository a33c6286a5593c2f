"""Whether two versions answer a row alike: by the class that they name, or by numbers that are close."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import pstdev
from typing import Any, Final, Self

from delivery.proofs.answers import Row, is_number
from delivery.statistics.agreement import AgreementCounts

_SHARE_OF_SPREAD: Final = 0.5
"""Numbers are close if they differ by no more than this part of the standard deviation of all answers."""
_SHARE_OF_VALUE: Final = 0.05
"""Or by no more than this part of the number itself, which may hardly vary."""


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """How far the replay of recorded rows is."""

    counts: AgreementCounts = field(default_factory=AgreementCounts)
    """Since it began; a controller that starts again begins anew."""
    is_over: bool = False
    """Whether there are no further rows."""
    without: str = ""
    """Why there is nothing to replay."""


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How answers of two versions are compared."""

    before: tuple[Any, ...]
    """Classes in the order of the serving version's probabilities; empty if it names none."""
    now: tuple[Any, ...]
    """Those of the new version."""
    spreads: tuple[float, ...]
    """Standard deviation of the serving version's answers, value by value."""

    @classmethod
    def of(cls, before: Sequence[Any], now: Sequence[Any], answered: Sequence[Row]) -> Self:
        """Return how to compare with these answers of the serving version."""
        width = max(map(len, answered), default=0)
        columns = [[row[at] for row in answered if at < len(row)] for at in range(width)]
        spreads = [pstdev(numbers) if (numbers := [*filter(is_number, each)]) else 0.0 for each in columns]
        return cls(before=tuple(before), now=tuple(now), spreads=tuple(spreads))

    def differ(self, before: Row, now: Row) -> bool:
        """Return whether the answers of both versions to one row differ."""
        labels = _label(before, self.before), _label(now, self.now)
        if None not in labels:
            return labels[0] != labels[1]
        if len(before) != len(now):
            return True
        return any(
            self._is_far(at, one, other) for at, (one, other) in enumerate(zip(before, now, strict=True))
        )

    def _is_far(self, at: int, before: Any, now: Any) -> bool:
        if not is_number(before) or not is_number(now):
            return before != now
        spread = self.spreads[at] if at < len(self.spreads) else 0.0
        return abs(before - now) > max(_SHARE_OF_SPREAD * spread, _SHARE_OF_VALUE * abs(before))


def _label(row: Row, classes: tuple[Any, ...]) -> str | None:
    """Return the class that probabilities name, as text; None if they are none."""
    if len(classes) < 2 or len(row) != len(classes) or not all(map(is_number, row)):
        return None
    return str(classes[row.index(max(row))])
