"""What an experiment has measured and found, as the status of its rollout has it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

from delivery.statistics.experiment import Sample


class Verdict(StrEnum):
    """How an experiment ended."""

    BETTER = "better"
    """The new version is."""
    WORSE = "worse"
    """The new version is."""
    NO_DIFFERENCE = "no difference"
    """None larger than the minimum effect."""
    NONE = "none"
    """It came to no verdict within its time or its rows."""
    UNDECIDED = "undecided"
    """It goes on."""


@dataclass(frozen=True, kw_only=True)
class Arm:
    """Labelled rows of one version."""

    rows: int = 0
    sample: Sample = field(default_factory=Sample)
    """Units, each with the mean of its rows."""

    @property
    def mean(self) -> float:
        """Mean of the metric over units; 0 without any."""
        return self.sample.total / self.sample.units if self.sample.units else 0.0

    def to_json(self) -> dict[str, float]:
        """Return the arm as the status has it."""
        return {
            "rows": self.rows,
            "units": self.sample.units,
            "total": self.sample.total,
            "totalOfSquares": self.sample.total_of_squares,
            "mean": round(self.mean, 6),
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote, or nothing at all."""
        return cls(
            rows=int(document.get("rows", 0)),
            sample=Sample(
                units=int(document.get("units", 0)),
                total=float(document.get("total", 0)),
                total_of_squares=float(document.get("totalOfSquares", 0)),
            ),
        )


@dataclass(frozen=True, kw_only=True)
class Measured:
    """What the stored rows of an experiment say, all of them, since it began."""

    challenger: Arm = field(default_factory=Arm)
    """The new version."""
    champion: Arm = field(default_factory=Arm)
    """The version that has served."""
    left_out: str = ""
    """In words, what was uploaded or recorded and does not count."""
    is_full: bool = False
    """Whether it takes no further rows."""


@dataclass(frozen=True, kw_only=True)
class Answered:
    """What labels say of the answers of a version that predicts classes."""

    rows: int = 0
    """Labelled rows."""
    wrong_rows: int = 0
    """Those whose label is another class than the answer was."""
    requests: int = 0
    """Requests with a labelled row."""
    wrong: float = 0.0
    """The share of wrong rows of each, added up: rows of one request are often alike, and count as one."""
    left_out: str = ""
    """In words, what was uploaded or recorded and does not count."""
    is_full: bool = False
    """Whether there were more rows than are counted."""


@dataclass(frozen=True, kw_only=True)
class ExperimentState:
    """How far an experiment is."""

    needed: str = ""
    """In words, how many labelled rows it takes; known before it begins."""
    begun_at: str = ""
    """Since when rows count, ISO 8601 in UTC; empty before."""
    challenger: Arm = field(default_factory=Arm)
    champion: Arm = field(default_factory=Arm)
    low: float | None = None
    """Lower end of the interval of the difference, new version minus former one; None while units are few."""
    high: float | None = None
    verdict: Verdict = Verdict.UNDECIDED
    says: str = ""
    """The result so far, with figures."""

    @property
    def is_over(self) -> bool:
        """Whether it has ended."""
        return self.verdict is not Verdict.UNDECIDED

    def to_json(self) -> dict[str, Any]:
        """Return the state as the status has it."""
        interval = {} if self.low is None or self.high is None else {"low": self.low, "high": self.high}
        return {
            "needed": self.needed,
            "begunAt": self.begun_at,
            "challenger": self.challenger.to_json(),
            "champion": self.champion.to_json(),
            **{key: round(value, 6) for key, value in interval.items()},
            "verdict": self.verdict.value,
            "says": self.says,
        }

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote."""
        low, high = document.get("low"), document.get("high")
        return cls(
            needed=str(document.get("needed", "")),
            begun_at=str(document.get("begunAt", "")),
            challenger=Arm.from_json(document.get("challenger", {})),
            champion=Arm.from_json(document.get("champion", {})),
            low=None if low is None else float(low),
            high=None if high is None else float(high),
            verdict=Verdict(document.get("verdict", Verdict.UNDECIDED)),
            says=str(document.get("says", "")),
        )
