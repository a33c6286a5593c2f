"""Open-loop dispatcher: hands each operation to a user at its due time and records the result."""

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
    """Arrivals of one run: the dispatcher fills the queue, users empty it."""

    profile: Profile
    once: bool = False
    """Whether to run every operation once instead of the shape."""
    observations: list[Observation] = field(default_factory=list[Observation])
    began: float = 0.0
    """Start of the run on the monotonic clock."""
    phases: tuple[Phase, ...] = ()
    """Phases that started; a ramp may end early."""

    def __post_init__(self) -> None:
        """Create an empty queue."""
        self._queue: SimpleQueue[Arrival | None] = SimpleQueue()
        self._waiting: set[Arrival] = set()
        self._in_flight: set[Arrival] = set()

    @property
    def backlog(self) -> int:
        """Number of operations that wait for a user."""
        return len(self._waiting)

    @property
    def unfinished(self) -> int:
        """Number of operations that wait or are in flight."""
        return len(self._waiting) + len(self._in_flight)

    def planned(self) -> tuple[Phase, ...]:
        """Return the planned phases, without the warm-up."""
        return () if self.once else self.profile.shape.phases()

    def dispatch(self, goes_on: Callable[[Sequence[Observation], Sequence[Phase]], bool]) -> None:
        """Dispatch every operation at its due time, then signal the end to every user.

        Args:
            goes_on: Called before each phase with the results and phases so far; False ends the run.
        """
        self.began = time.monotonic()
        if self.once:
            for operation in self.profile.weights:
                self._enqueue(operation, 0, time.monotonic())
            self.phases = (Phase(rate=len(self.profile.weights), seconds=1.0),)
        else:
            self._dispatch_shape(goes_on)
        for _ in range(self.profile.users):
            self._queue.put(None)

    def _dispatch_shape(self, goes_on: Callable[[Sequence[Observation], Sequence[Phase]], bool]) -> None:
        planned = self.planned()
        chance = random.Random(0)  # noqa: S311 - load, not secrets
        names, weights = zip(*self.profile.weights.items(), strict=True)
        warm_up = self.profile.warm_up_seconds
        if warm_up:
            calm = (Phase(rate=planned[0].rate, seconds=warm_up),)
            for _, second in due(calm, poisson=False, seed=0):
                wait.until(self.began + second)
                self._enqueue(chance.choices(names, weights)[0], -1, self.began + second)
        began = self.began + warm_up
        for phase, second in due(planned, poisson=self.profile.poisson, seed=0):
            while phase >= len(self.phases):
                wait.until(began + sum(each.seconds for each in self.phases))
                if not goes_on(self.so_far(), self.phases):
                    return
                self.phases = planned[: len(self.phases) + 1]
            wait.until(began + second)
            self._enqueue(chance.choices(names, weights)[0], phase, began + second)
        wait.until(began + sum(each.seconds for each in self.phases))

    def _enqueue(self, operation: str, phase: int, moment: float) -> None:
        arrival = Arrival(operation=operation, phase=phase, due=moment, sent=time.monotonic())
        self._waiting.add(arrival)
        self._queue.put(arrival)

    def take(self) -> Arrival | None:
        """Wait for the next operation that is due and return it; None at the end of the run."""
        arrival = self._queue.get()
        if arrival is not None:
            self._waiting.discard(arrival)
            self._in_flight.add(arrival)
        return arrival

    def done(self, arrival: Arrival, fault: str = "", *, wrong: bool = False) -> None:
        """Record the result of an operation, unless it was abandoned already."""
        if arrival not in self._in_flight:
            return
        self._in_flight.discard(arrival)
        self.observations.append(self._observed(arrival, fault, wrong=wrong))

    def so_far(self) -> list[Observation]:
        """Return the results so far; operations that wait or are in flight count as unanswered."""
        unfinished = [*self._in_flight, *self._waiting]
        return [
            *self.observations,
            *(self._observed(each, "no answer when the run ended") for each in unfinished),
        ]

    def give_up(self) -> None:
        """Record operations that wait or are in flight as unanswered, because the run is over."""
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
