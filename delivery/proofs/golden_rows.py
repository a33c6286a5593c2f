"""Golden rows: a few rows that training held back, and what the model answered to them then.

They travel in the model's own files, whose digest covers them. A version that answers otherwise is not what
was trained and judged: other packages, another processor, damaged files. There is nothing to estimate.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, Self

from delivery.proofs import answers
from delivery.proofs.answers import Row

LARGEST_DIFFERENCE: Final = 1e-9
"""Of an answer from that of training time; of a quantity beyond 1 in proportion to it."""
_MOST_ROWS: Final = 1000


class Outcome(StrEnum):
    """What was found of golden rows."""

    EQUAL = "Equal"
    DIFFERENT = "Different"
    ABSENT = "NoReference"
    """The model carries none, or its predictor offers none."""
    UNREAD = "Unread"
    """No answer yet: ask again."""


@dataclass(frozen=True, kw_only=True)
class GoldenCheck:
    """One look at a version's golden rows."""

    outcome: Outcome
    says: str
    """One sentence, with figures."""


@dataclass(frozen=True, kw_only=True)
class GoldenRows:
    """Rows, and the answers of training time."""

    features: tuple[str, ...]
    rows: tuple[Row, ...]
    expected: tuple[Row, ...]

    @classmethod
    def from_json(cls, body: Any) -> Self:
        """Read what a predictor has at `/golden`.

        Raises:
            ValueError: it is something else; one line.
        """
        try:
            expected = body["probabilities"] if body["classes"] else body["predicted"]
            found = cls(
                features=tuple(map(str, body["features"])),
                rows=tuple(map(list, body["rows"])),
                expected=tuple(each if isinstance(each, list) else [each] for each in expected),
            )
        except (KeyError, TypeError) as error:
            raise ValueError(f"no golden rows ({type(error).__name__}: {error})") from None
        if not 1 <= len(found.rows) <= _MOST_ROWS or len(found.rows) != len(found.expected):
            raise ValueError(f"{len(found.rows)} golden rows with {len(found.expected)} answers")
        return found

    def request(self) -> dict[str, Any]:
        """Return the body that asks for them: the one form that also carries texts and missing values."""
        return {"dataframe_split": {"columns": [*self.features], "data": [*self.rows]}}

    def compare(self, answered: Sequence[Row]) -> GoldenCheck:
        """Return what answers to `request` are worth."""
        count = len(self.rows)
        if len(answered) != count:
            says = f"{len(answered)} answers to {count} golden rows"
            return GoldenCheck(outcome=Outcome.DIFFERENT, says=says)
        found = [answers.difference(*pair) for pair in zip(answered, self.expected, strict=True)]
        wrong, largest = sum(each > LARGEST_DIFFERENCE for each in found), max(found)
        if wrong:
            differ = f"by {largest:.3g} at most"
            says = f"{wrong} of {count} golden rows are answered otherwise than at training time, {differ}"
            return GoldenCheck(outcome=Outcome.DIFFERENT, says=says)
        says = f"{count} golden rows are answered as at training time, to {LARGEST_DIFFERENCE:g}"
        return GoldenCheck(outcome=Outcome.EQUAL, says=says)
