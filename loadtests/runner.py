"""Runs one profile with locust in this process, which gevent has patched, and reports the result."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TextIO

import gevent
from locust.env import Environment

from delivery.verdict import Outcome, Verdict
from loadtests import measurements, wait
from loadtests.arrivals import Arrivals
from loadtests.measurements import Observation
from loadtests.platform_access import PlatformAccess
from loadtests.profile import Profile, UserKind
from loadtests.progress import RunProgress
from loadtests.report import RunReport
from loadtests.shapes import Phase, Ramp
from loadtests.slo import as_document, judge
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
    """One run of a profile against a platform."""

    profile: Profile
    access: PlatformAccess
    stream: TextIO
    """Stream for progress."""
    once: bool = False
    """Whether to run every operation once instead of the shape."""

    def report(self) -> RunReport:
        """Put the load on the platform and return the report."""
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
        return self._report(arrivals, started, spent)

    def _load(self, user: type[OpenLoopUser], arrivals: Arrivals) -> float:
        """Run users and dispatcher to their end; return the share of a processor that they used."""
        environment = Environment(user_classes=[user])
        runner = environment.create_local_runner()
        # All at once: they wait until an operation is due.
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
        """Wait for operations without an answer, as long as the profile allows."""
        # Operations that wait for a saturated platform are not part of the rate that it sustained.
        seconds = (
            0.5 if isinstance(self.profile.shape, Ramp) and not self.once else self.profile.drain_seconds
        )
        deadline = time.monotonic() + seconds
        while arrivals.unfinished and time.monotonic() < deadline:
            wait.pause(0.05)

    def _goes_on(self, observations: Sequence[Observation], over: Sequence[Phase]) -> bool:
        """Return whether a ramp has not saturated yet; other shapes run to their end."""
        if not isinstance(self.profile.shape, Ramp):
            return True
        steps = measurements.steps(observations, over, self.profile.warm_up_seconds)
        return measurements.saturated_at(steps) is None

    def _show(self, arrivals: Arrivals) -> None:
        planned = self.profile.warm_up_seconds + self.profile.shape.total_seconds
        progress = RunProgress(self.stream, self.profile.name, planned)
        try:
            while True:
                wait.pause(1.0)
                phases = arrivals.phases or arrivals.planned()
                rate = phases[-1 if arrivals.phases else 0].rate if phases else 0.0
                seconds = time.monotonic() - arrivals.began
                progress.show(seconds, rate, arrivals.observations, arrivals.backlog)
        finally:
            progress.end()

    def _report(self, arrivals: Arrivals, started: str, spent: float) -> RunReport:
        profile, observations = self.profile, arrivals.observations
        warm_up = 0.0 if self.once else profile.warm_up_seconds
        ramp = isinstance(profile.shape, Ramp) and not self.once
        statistics = measurements.statistics(
            observations, arrivals.phases, warm_up_seconds=warm_up, generator_cpu=spent, ramp=ramp
        )
        steps = measurements.steps(observations, arrivals.phases, warm_up) if ramp else []
        verdict = _judge_each(observations) if self.once else judge(statistics, profile.slo)
        generator_limit = measurements.find_generator_limit(steps)
        if generator_limit and verdict.outcome is not Outcome.FAILED:
            verdict = Verdict(outcome=Outcome.INVALID, reasons=(*verdict.reasons, generator_limit))
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
            statistics=statistics,
            operations=measurements.operations(observations),
            series=measurements.series(observations),
            steps=steps,
            failures=measurements.failures(observations),
        )


def _judge_each(observations: Sequence[Observation]) -> Verdict:
    """Return the verdict on a run of every operation once: each must have a good answer."""
    reasons = tuple(f"{each.operation}: {each.fault}" for each in observations if each.fault)
    if not observations:
        reasons = ("no operation was due",)
    return Verdict(outcome=Outcome.FAILED if reasons else Outcome.PASSED, reasons=reasons)
