"""Runs one profile with locust in this process, and reports it; gevent replaces parts of Python, so alone."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TextIO

import gevent
from locust.env import Environment

from loadtests import measurements, wait
from loadtests.arrivals import Arrivals
from loadtests.measurements import Observation
from loadtests.platform_access import PlatformAccess
from loadtests.profile import Profile, UserKind
from loadtests.progress import Progress
from loadtests.report import RunReport
from loadtests.shapes import Phase, Ramp
from loadtests.slo import Outcome, Verdict, as_document, judge
from loadtests.users.inference import InferenceUser
from loadtests.users.open_loop import OpenLoopUser
from loadtests.users.pipelines import PipelinesUser
from loadtests.users.registry import RegistryUser
from loadtests.users.tracking import TrackingUser

USERS: Final[dict[UserKind, type[OpenLoopUser]]] = {
    UserKind.INFERENCE: InferenceUser,
    UserKind.TRACKING: TrackingUser,
    UserKind.REGISTRY: RegistryUser,
    UserKind.PIPELINES: PipelinesUser,
}


@dataclass(kw_only=True)
class Run:
    """One profile against one platform."""

    profile: Profile
    access: PlatformAccess
    stream: TextIO
    """Where progress is shown."""
    once: bool = False
    """Every operation once, instead of the shape."""

    def report(self) -> RunReport:
        """Put the load on the platform, and return what came of it."""
        user = USERS[self.profile.user]
        arrivals = Arrivals(self.profile, once=self.once)
        bound = type(
            user.__name__,
            (user,),
            {
                "arrivals": arrivals,
                "access": self.access,
                "host": self.access.target,
                "network_timeout": self.profile.timeout_seconds,
                "connection_timeout": self.profile.timeout_seconds,
            },
        )
        started = datetime.now(UTC).isoformat(timespec="seconds")
        bound.prepare()
        try:
            spent = self._load(bound, arrivals)
        finally:
            bound.finish()
        return self._judged(arrivals, started, spent)

    def _load(self, user: type[OpenLoopUser], arrivals: Arrivals) -> float:
        """Run users and dispatcher to their end; return the share of a processor that they spent."""
        environment = Environment(user_classes=[user])
        runner = environment.create_local_runner()
        # All at once: they wait for what is due.
        runner.start(self.profile.users, spawn_rate=self.profile.users, wait=True)
        watch = None
        began, spent = time.monotonic(), time.process_time()
        try:
            dispatcher = gevent.spawn(arrivals.dispatch, self._goes_on)
            watch = gevent.spawn(self._show, arrivals)
            dispatcher.get()
            self._drain(arrivals)
        finally:
            share = (time.process_time() - spent) / max(0.001, time.monotonic() - began)
            if watch:
                watch.kill()
            arrivals.give_up()
            runner.quit()
        return share

    def _drain(self, arrivals: Arrivals) -> None:
        """Wait for what is due and not answered, as long as the profile allows."""
        # What waits behind a saturated platform is no part of what it kept up with.
        seconds = (
            0.5 if isinstance(self.profile.shape, Ramp) and not self.once else self.profile.drain_seconds
        )
        deadline = time.monotonic() + seconds
        while arrivals.unfinished and time.monotonic() < deadline:
            wait.pause(0.05)

    def _goes_on(self, observations: Sequence[Observation], over: Sequence[Phase]) -> bool:
        """Return whether a ramp still keeps up; other shapes run to their end."""
        if not isinstance(self.profile.shape, Ramp):
            return True
        found = measurements.steps(observations, over, self.profile.warm_up_seconds)
        return measurements.saturated_at(found) is None

    def _show(self, arrivals: Arrivals) -> None:
        planned = self.profile.warm_up_seconds + self.profile.shape.total_seconds
        progress = Progress(self.stream, self.profile.name, planned)
        try:
            while True:
                wait.pause(1.0)
                phases = arrivals.phases or arrivals.planned()
                rate = phases[-1 if arrivals.phases else 0].rate if phases else 0.0
                seconds = time.monotonic() - arrivals.began
                progress.show(seconds, rate, arrivals.observations, arrivals.backlog)
        finally:
            progress.end()

    def _judged(self, arrivals: Arrivals, started: str, spent: float) -> RunReport:
        profile, observations = self.profile, arrivals.observations
        warm_up = 0.0 if self.once else profile.warm_up_seconds
        ramp = isinstance(profile.shape, Ramp) and not self.once
        found = measurements.statistics(
            observations, arrivals.phases, warm_up_seconds=warm_up, generator_cpu=spent, ramp=ramp
        )
        steps = measurements.steps(observations, arrivals.phases, warm_up) if ramp else []
        verdict = _of_each(observations) if self.once else judge(found, profile.slo)
        gave_out = measurements.gave_out_first(steps)
        if gave_out and verdict.outcome is not Outcome.FAILED:
            verdict = Verdict(outcome=Outcome.INVALID, reasons=(*verdict.reasons, gave_out))
        return RunReport(
            profile=profile.name,
            description=profile.description,
            user=profile.user,
            shape={"kind": "once"} if self.once else profile.shape.model_dump(),
            target=self.access.target,
            started=started,
            warm_up_seconds=warm_up,
            outcome=verdict.outcome,
            reasons=list(verdict.reasons),
            slo=as_document(profile.slo),
            statistics=found,
            operations=measurements.operations(observations),
            series=measurements.series(observations),
            steps=steps,
            failures=measurements.failures(observations),
        )


def _of_each(observations: Sequence[Observation]) -> Verdict:
    """Return the verdict on a run of every operation once: each must be answered well."""
    reasons = tuple(f"{each.operation}: {each.fault}" for each in observations if each.fault)
    if not observations:
        reasons = ("nothing was asked",)
    return Verdict(outcome=Outcome.FAILED if reasons else Outcome.PASSED, reasons=reasons)
