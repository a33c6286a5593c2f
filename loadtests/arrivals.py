"""Hands operations to users when they are due, whatever the answers do, and keeps what came of them."""

import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from gevent.queue import SimpleQueue

from loadtests import wait
from loadtests.measurements import Observation
from loadtests.profile import Profile
from loadtests.shapes import Phase, due


@dataclass(frozen=True, eq=False)
class Arrival:
    """One operation that became due; times are those of the monotonic clock."""

    operation: str
    phase: int
    due: float
    sent: float


@dataclass
class Arrivals:
    """The arrivals of one run: a dispatcher fills the queue, users empty it."""

    profile: Profile
    once: bool = False
    """Instead of the shape: every operation once."""
    observations: list[Observation] = field(default_factory=list[Observation])
    began: float = 0.0
    """When the run began."""
    phases: tuple[Phase, ...] = ()
    """Phases that began; a ramp may end early."""

    def __post_init__(self) -> None:
        """Make an empty queue."""
        self._queue: SimpleQueue[Arrival | None] = SimpleQueue()
        self._waiting: set[Arrival] = set()
        self._in_flight: set[Arrival] = set()

    @property
    def backlog(self) -> int:
        """Operations that wait for a user."""
        return len(self._waiting)

    @property
    def unfinished(self) -> int:
        """Operations that wait or are in flight."""
        return len(self._waiting) + len(self._in_flight)

    def planned(self) -> tuple[Phase, ...]:
        """Return the phases, the warm-up left out."""
        return () if self.once else self.profile.shape.phases()

    def dispatch(self, goes_on: Callable[[Sequence[Observation], Sequence[Phase]], bool]) -> None:
        """Hand out everything that is due, at its time; then tell every user that nothing follows.

        Args:
            goes_on: Asked before each phase, with what happened and the phases that are over.
        """
        self.began = time.monotonic()
        if self.once:
            for operation in self.profile.weights:
                self._hand(operation, 0, time.monotonic())
            self.phases = (Phase(rate=len(self.profile.weights), seconds=1.0),)
        else:
            self._shape(goes_on)
        for _ in range(self.profile.users):
            self._queue.put(None)

    def _shape(self, goes_on: Callable[[Sequence[Observation], Sequence[Phase]], bool]) -> None:
        planned = self.planned()
        chance = random.Random(0)  # noqa: S311 - load, not secrets
        names, weights = zip(*self.profile.weights.items(), strict=True)
        warm_up = self.profile.warm_up_seconds
        if warm_up:
            calm = (Phase(rate=planned[0].rate, seconds=warm_up),)
            for _, second in due(calm, poisson=False, seed=0):
                wait.until(self.began + second)
                self._hand(chance.choices(names, weights)[0], -1, self.began + second)
        began = self.began + warm_up
        for phase, second in due(planned, poisson=self.profile.poisson, seed=0):
            while phase >= len(self.phases):
                wait.until(began + sum(each.seconds for each in self.phases))
                if not goes_on(self.so_far(), self.phases):
                    return
                self.phases = planned[: len(self.phases) + 1]
            wait.until(began + second)
            self._hand(chance.choices(names, weights)[0], phase, began + second)
        wait.until(began + sum(each.seconds for each in self.phases))

    def _hand(self, operation: str, phase: int, moment: float) -> None:
        arrival = Arrival(operation=operation, phase=phase, due=moment, sent=time.monotonic())
        self._waiting.add(arrival)
        self._queue.put(arrival)

    def take(self) -> Arrival | None:
        """Return the next operation that is due; wait for it; None when nothing follows."""
        arrival = self._queue.get()
        if arrival is not None:
            self._waiting.discard(arrival)
            self._in_flight.add(arrival)
        return arrival

    def done(self, arrival: Arrival, fault: str = "", *, wrong: bool = False) -> None:
        """Keep what came of an operation."""
        self._in_flight.discard(arrival)
        self.observations.append(self._observed(arrival, fault, wrong=wrong))

    def so_far(self) -> list[Observation]:
        """Return what came of all operations until now; what waits or is in flight has no answer."""
        unfinished = [*self._in_flight, *self._waiting]
        return [
            *self.observations,
            *(self._observed(each, "no answer when the run ended") for each in unfinished),
        ]

    def give_up(self) -> None:
        """Keep what waits or is in flight as unanswered: the run is over."""
        self.observations = self.so_far()
        self._in_flight.clear()
        self._waiting.clear()

    def _observed(self, arrival: Arrival, fault: str, *, wrong: bool = False) -> Observation:
        return Observation(
            operation=arrival.operation,
            phase=arrival.phase,
            due=arrival.due - self.began,
            sent=arrival.sent - self.began,
            ended=time.monotonic() - self.began,
            fault=fault,
            wrong=wrong,
        )
