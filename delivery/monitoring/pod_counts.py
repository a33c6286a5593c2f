"""What one pod of a model has counted: its answer to `GET /bins`, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Self

from delivery.statistics import windows
from delivery.statistics.windows import Counts

_MOST_BINS: Final = 20_000
"""Of all variables together: the parts of a window hold as many numbers each."""


@dataclass(frozen=True, kw_only=True)
class PodCounts:
    """Rows by bin since the pod's process started, next to those of training."""

    start: str
    """Id of the process: another one counts from zero."""
    variables: Mapping[str, Mapping[str, Counts]]
    """Variable -> its `counts`."""
    references: Mapping[str, Counts]
    """Variable -> rows by bin at training; empty if the model carries no statistics."""

    @classmethod
    def from_json(cls, body: Any) -> Self:
        """Return the counts of an answer.

        Raises:
            ValueError: it is not what a predictor answers; one line.
        """
        try:
            found = {
                str(name): (_counts(each["counts"]), _counts(each["reference"]))
                for name, each in body["variables"].items()
            }
            start = str(body["start"])
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the counts of a predictor ({type(error).__name__}: {error})") from None
        uneven = [name for name, (counts, reference) in found.items() if len(counts) != len(reference)]
        if uneven:
            raise ValueError(f"{uneven[0]} has other bins than at training")
        bins = sum(len(reference) for _, reference in found.values())
        if bins > _MOST_BINS:
            raise ValueError(
                f"{bins} bins are more than the {_MOST_BINS} that are compared: exclude features"
            )
        return cls(
            start=start,
            variables={name: {"counts": counts} for name, (counts, _) in found.items()},
            references={name: reference for name, (_, reference) in found.items()},
        )

    def since(self, before: "PodCounts") -> dict[str, Counts]:
        """Return the rows by bin after an earlier answer of the same pod."""
        return windows.grown(
            {"start": before.start, "variables": before.variables},
            {"start": self.start, "variables": self.variables},
        )


def _counts(given: Any) -> Counts:
    if not isinstance(given, list) or not all(type(each) is int and each >= 0 for each in given):
        raise TypeError("counts are no list of numbers")
    return tuple(given)
