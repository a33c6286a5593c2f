"""Shapes of load: when operations are due. Pure, and open loop: no answer changes a due time."""

import itertools
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator
from pydantic.alias_generators import to_camel

MOST_SECONDS: Final = 3600
MOST_ARRIVALS: Final = 200_000
"""Limits of one run, whatever a profile says."""

Rate = Annotated[float, Field(gt=0, le=5000)]
Seconds = Annotated[float, Field(gt=0, le=MOST_SECONDS)]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """A period with one rate."""

    rate: float
    seconds: float


class _Shape(BaseModel):
    """Base of all shapes: strict parsing, limits, consecutive phases."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    def phases(self) -> tuple[Phase, ...]:
        """Return the phases in order."""
        raise NotImplementedError

    @property
    def total_seconds(self) -> float:
        """Length of all phases."""
        return sum(phase.seconds for phase in self.phases())

    @model_validator(mode="after")
    def _bounded(self) -> "_Shape":
        """Reject a run that is too long or too large."""
        arrivals = sum(phase.rate * phase.seconds for phase in self.phases())
        if self.total_seconds > MOST_SECONDS or arrivals > MOST_ARRIVALS:
            raise ValueError(
                f"{self.total_seconds:.0f} s and {arrivals:.0f} operations are too many; "
                f"at most {MOST_SECONDS} s and {MOST_ARRIVALS} operations"
            )
        return self


class Steady(_Shape):
    """One rate."""

    kind: Literal["steady"] = "steady"
    rate: Rate
    seconds: Seconds

    def phases(self) -> tuple[Phase, ...]:
        """Return one phase."""
        return (Phase(rate=self.rate, seconds=self.seconds),)


class Soak(_Shape):
    """One rate for a long time, to reveal leaks and slow growth."""

    kind: Literal["soak"] = "soak"
    rate: Rate
    seconds: Annotated[float, Field(ge=300, le=MOST_SECONDS)]

    def phases(self) -> tuple[Phase, ...]:
        """Return one phase."""
        return (Phase(rate=self.rate, seconds=self.seconds),)


class Spike(_Shape):
    """A rate, a sudden peak, and the rate again."""

    kind: Literal["spike"] = "spike"
    rate: Rate
    peak: Rate
    seconds: Seconds
    """Length of the phases before and after the peak."""
    peak_seconds: Seconds

    def phases(self) -> tuple[Phase, ...]:
        """Return three phases."""
        calm = Phase(rate=self.rate, seconds=self.seconds)
        return (calm, Phase(rate=self.peak, seconds=self.peak_seconds), calm)

    @model_validator(mode="after")
    def _is_a_peak(self) -> "Spike":
        if self.peak <= self.rate:
            raise ValueError(f"peak {self.peak:g} is not above rate {self.rate:g}")
        return self


class Ramp(_Shape):
    """Rates that grow step by step, until one is not sustained or the limit is reached."""

    kind: Literal["ramp"] = "ramp"
    rate: Rate
    """Rate of the first step."""
    limit: Rate
    """Maximum rate of a step."""
    growth: Annotated[float, Field(ge=1.05, le=4)] = 1.25
    """Factor from the rate of one step to the next."""
    step_seconds: Annotated[float, Field(ge=1, le=120)] = 4

    def phases(self) -> tuple[Phase, ...]:
        """Return one phase per step."""
        rates = itertools.takewhile(
            lambda rate: rate <= self.limit, (self.rate * self.growth**step for step in itertools.count())
        )
        return tuple(Phase(rate=rate, seconds=self.step_seconds) for rate in rates)

    @model_validator(mode="after")
    def _climbs(self) -> "Ramp":
        if len(self.phases()) < 2:
            raise ValueError(f"limit {self.limit:g} leaves no step above rate {self.rate:g}")
        return self


Shape = Annotated[Steady | Ramp | Spike | Soak, Field(discriminator="kind")]


def due(phases: tuple[Phase, ...], *, poisson: bool, seed: int) -> Iterator[tuple[int, float]]:
    """Yield the phase and the second of every operation that becomes due, in order.

    Args:
        phases: Consecutive phases.
        poisson: Whether gaps are exponential, as from independent clients; otherwise they are equal.
        seed: Seed of the gaps.
    """
    chance = random.Random(seed)  # noqa: S311 - load, not secrets
    began = 0.0
    for index, phase in enumerate(phases):
        second = chance.expovariate(phase.rate) if poisson else 0.0
        # A billionth of a gap, so that rounding adds no operation to a phase.
        while second < phase.seconds - 1e-9 / phase.rate:
            yield index, began + second
            second += chance.expovariate(phase.rate) if poisson else 1 / phase.rate
        began += phase.seconds
