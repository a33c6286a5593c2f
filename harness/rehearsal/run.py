"""Runs a rehearsal: the steps in order, a log, and the page; ends with everything destroyed."""

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

from harness.night import execution
from harness.night.execution import Stop
from harness.night.phases import describe_failure
from harness.rehearsal.page import Outcome, Rehearsal, render
from harness.rehearsal.steps import Step, Target, changed
from infra.account import cost
from infra.account.demand import demand_of
from infra.account.prices import load_prices
from infra.engine.engine import Engine
from infra.errors import InfraError
from infra.settings import stack_file
from upstream.cache import cache_root


@dataclass(frozen=True, kw_only=True)
class Work:
    """Folders of one rehearsal."""

    folder: Path

    @property
    def stacks(self) -> Path:
        """Stack files that the steps use, so that changes do not touch the repository's."""
        return self.folder / "stacks"

    @property
    def log(self) -> Path:
        """Output of all commands."""
        return self.folder / "rehearsal.log"

    @property
    def page(self) -> Path:
        """The page."""
        return self.folder / "rehearsal.md"

    def environment(self) -> Mapping[str, str]:
        """Return the environment of the commands."""
        return {**os.environ, "PLINTH_STACKS": str(self.stacks), "PYTHONUNBUFFERED": "1"}


def rehearse(target: Target, work: Work, stop: Stop) -> tuple[Outcome, ...]:
    """Run all steps; after a failure only those that remove what costs money."""
    original = stack_file.read(stack_file.path(target.stack))
    work.stacks.mkdir(parents=True, exist_ok=True)
    file = work.stacks / f"Pulumi.{target.stack}.yaml"
    stack_file.write(file, original)
    outcomes: list[Outcome] = []
    failed = created = False
    for step in target.steps():
        if step.not_shown:
            outcomes.append(Outcome(name=step.name, shows=step.shows, not_shown=step.not_shown))
            continue
        if (failed or stop.by) and not (step.always and created):
            outcomes.append(Outcome(name=step.name, shows=step.shows, ran=False))
            continue
        created = created or step.name == "up"
        stack_file.write(file, changed(stack_file.read(file), step.changes))
        outcomes.append(_run(step, work, stop))
        failed = failed or bool(outcomes[-1].failure)
        _say(f"{outcomes[-1].name}: {outcomes[-1].result} in {outcomes[-1].seconds:.0f} s")
    return tuple(outcomes)


def _run(step: Step, work: Work, stop: Stop) -> Outcome:
    seconds = 0.0
    for command in step.commands:
        _say(f"{step.name}: {command.name}")
        done = execution.run(
            command,
            log=work.log,
            environment=work.environment(),
            stop=stop,
            show=lambda line: print(f"  {line}", flush=True),
            tick=lambda: None,
            shielded=step.always,
        )
        seconds += done.seconds
        if done.code != 0:
            why = describe_failure(command, done.code, done.tail)
            return Outcome(name=step.name, shows=step.shows, seconds=seconds, failure=why)
    return Outcome(name=step.name, shows=step.shows, seconds=seconds)


def _say(text: str) -> None:
    print(f"rehearsal: {text}", flush=True)


def hourly(stack: str) -> tuple[Decimal, Decimal]:
    """Return what a stack costs in an hour by the estimate."""
    demand = demand_of(stack_file.settings(stack), stack)
    low, high = cost.total(cost.lines(demand, load_prices(demand.region)))
    return low / cost.HOURS, high / cost.HOURS


def refuse_existing(stack: str) -> None:
    """Refuse to rehearse on an account where the stack exists: a rehearsal ends by destroying it.

    Raises:
        InfraError: the stack has state.
    """
    folder, backend = cache_root() / "stacks" / stack, os.environ.get("PULUMI_BACKEND_URL")
    if Engine(stack=stack, folder=folder, backend=backend, downloads=True).exists():
        raise InfraError(
            f"stack {stack} exists, and a rehearsal ends by destroying it: rehearse another stack, such as a "
            f"copy of stacks/Pulumi.{stack}.yaml with another cluster.name"
        )


def main(stack: str, stand_in: Path | None) -> int:
    """Rehearse a stack; return the exit code.

    Args:
        stack: the stack's name.
        stand_in: folder of a running stand-in for AWS; without one the account is used.
    """
    began = datetime.now(UTC)
    try:
        target = Target(stack=stack, settings=stack_file.settings(stack), stand_in=stand_in)
        rate = hourly(stack)
        if stand_in is None:
            refuse_existing(stack)
    except InfraError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    work = Work(folder=cache_root() / "rehearsals" / f"{stack}-{began:%Y%m%d-%H%M%S}")
    _say(f"{stack}: by the estimate {rate[0]:.2f} to {rate[1]:.2f} USD an hour; log: {work.log}")
    stop = Stop()
    stop.install()
    outcomes = rehearse(target, work, stop)
    rehearsal = Rehearsal(
        stack=stack, began=began, simulated=stand_in is not None, outcomes=outcomes, hourly=rate
    )
    work.page.write_text(render(rehearsal))
    print(work.page.read_text())
    _say(f"page: {work.page}")
    return 0 if rehearsal.passed else 1
