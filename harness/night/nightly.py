"""`make nightly`: the platform up from nothing, verified, loaded, broken, removed; one page that tells of it.

Two processes share the work. The inner one runs the phases and cleans up on SIGINT and SIGTERM. The outer one
waits for it, and does the same in its place if it is killed. If both are, the page says where, and the next
night or `make down INSTANCE=nightly` removes what they left.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Protocol

from cluster.instance import Instance
from harness import execution, phases
from harness.evidence import figures, history, junit, night, page, provenance
from harness.evidence.night import Fault, Night, Phase, State, Step
from harness.evidence.scale import duration
from harness.night.execution import Stop
from harness.night.phases import INSTANCE, Command, Plan
from harness.progress import Progress
from upstream.cache import cache_root, link_atomically, write_atomically

_RUNS_KEPT = 30
_LOCK_REFUSED = 3


class Collector(Protocol):
    """What reads the platform between phases."""

    def begin(self) -> None:
        """Look at the machine before anything starts."""
        ...

    def after(self, phase: str, night: Night) -> Night:
        """Return the night with what a phase has to say."""
        ...


def reports() -> Path:
    """Return the folder of all nights: one folder each, `latest`, and their history."""
    return cache_root() / "reports" / INSTANCE


class Journal:
    """The record of a running night: every change is on disk before anything else happens."""

    def __init__(self, folder: Path, begun: Night) -> None:
        """Begin a record in a folder of its own."""
        self.folder = folder
        self.night = begun
        self._clock = time.monotonic()
        self._history = folder.parent / "history.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def seconds(self) -> float:
        """Seconds since the night began."""
        return round(time.monotonic() - self._clock, 2)

    def write(self, changed: Night) -> None:
        """Keep a changed record, and the page, JSON and JUnit made from it."""
        self.night = replace(changed, seconds=self.seconds)
        publish(self.folder, self.night, self._history)

    def phase(self, changed: Phase) -> None:
        """Keep a changed phase."""
        self.write(self.night.with_phase(changed))


def publish(folder: Path, told: Night, past: Path) -> None:
    """Write a night's files; the JSON last, so that what it says is on the page already."""
    entries = history.read(past)
    if told.finished:
        entries = history.add(past, history.entry(told, figures.of_night(told)))
    write_atomically(folder / "index.html", page.render(told, history.before(entries, told.run)))
    write_atomically(folder / "junit.xml", junit.render(told))
    night.write(told, folder / "evidence.json")
    link_atomically(folder.parent / "latest", folder.name)


class Nightly:
    """Runs the phases of one night."""

    def __init__(
        self,
        journal: Journal,
        plans: Sequence[Plan],
        collector: Collector,
        *,
        stop: Stop,
        progress: Progress,
        removal: Command,
    ) -> None:
        """Take what the night consists of."""
        self._journal = journal
        self._plans = plans
        self._collector = collector
        self._stop = stop
        self._progress = progress
        self._removal = removal
        self._environment = {**os.environ, "INSTANCE": INSTANCE, "PLINTH_INSTANCE": INSTANCE}
        # An outer make would tell the inner ones of its own jobs and targets.
        for name in ("MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            self._environment.pop(name, None)

    def run(self) -> Night:
        """Run every phase; return the finished record."""
        self._journal.write(self._journal.night)
        try:
            self._collector.begin()
        except Exception as error:
            self._fail(self._plans[0].name, f"cannot look at the machine: {_told(error)}", Fault.INFRA)
        for number, plan in enumerate(self._plans, 1):
            self._run(plan, f"{number}/{len(self._plans)}")
        final = self._journal.night
        # A signal that came when only the end was left to do changed nothing.
        if self._stop.by and not all(phase.state is State.PASSED for phase in final.phases):
            final = replace(final, stopped_by=self._stop.by)
        self._journal.write(replace(final, finished=True))
        return self._journal.night

    def _run(self, plan: Plan, count: str) -> None:
        if why := self._obstacle(plan):
            self._journal.phase(replace(self._phase(plan), state=State.SKIPPED, reason=why))
            self._progress.line(f"{plan.name} not run: {why}", count)
            return
        self._progress.line(f"{plan.name} begins", count)
        phase = replace(
            self._phase(plan),
            state=State.RUNNING,
            began=self._journal.seconds,
            steps=tuple(Step(name=command.name) for command in plan.commands),
        )
        self._journal.phase(phase)
        for index, command in enumerate(plan.commands):
            if not self._step(plan, index, command, count):
                break
        self._collect(plan)
        ended = self._phase(plan)
        state = State.PASSED if ended.state is State.RUNNING else ended.state
        ended = replace(ended, state=state, seconds=round(self._journal.seconds - ended.began, 2))
        self._journal.phase(ended)
        why = f": {ended.reason}" if ended.reason else ""
        self._progress.line(f"{plan.name} {state} in {duration(ended.seconds)}{why}", count)

    def _phase(self, plan: Plan) -> Phase:
        return self._journal.night.phase(plan.name)

    def _obstacle(self, plan: Plan) -> str:
        """Return why a phase cannot run; empty if it can."""
        if self._phase(plan).state is State.FAILED:
            return self._phase(plan).reason
        if self._stop.by and not plan.always:
            return f"not reached: {self._stop.by} before"
        if plan.needs:
            needed = self._journal.night.phase(plan.needs)
            undone = [step.name for step in needed.steps if step.state is not State.PASSED]
            if undone or not needed.steps:
                return f"needs {plan.needs}, whose {undone[0] if undone else 'beginning'} failed"
        return ""

    def _step(self, plan: Plan, index: int, command: Command, count: str) -> bool:
        """Run one command; return whether the phase can go on."""
        shielded = plan.always
        if self._stop.by and shielded:
            # What was interrupted may not bear an orderly end: away with all of it.
            command = replace(self._removal, name=command.name)
        log = self._journal.folder / f"{plan.name}.log"
        self._set_step(plan, index, state=State.RUNNING, began=self._journal.seconds, log=log.name)
        done = execution.run(
            command,
            log=log,
            environment=self._environment,
            stop=self._stop,
            show=lambda line: self._progress.plain(f"  {line}"),
            tick=lambda: self._progress.status(f"{count} {plan.name}: {command.name}"),
            shielded=shielded,
        )
        self._progress.clear()
        if self._stop.by and not shielded:
            self._set_step(plan, index, state=State.INTERRUPTED, seconds=done.seconds)
            changed = replace(self._phase(plan), state=State.INTERRUPTED)
            self._journal.phase(replace(changed, reason=f"{self._stop.by} during {command.name}"))
            return False
        good = done.code == 0
        self._set_step(plan, index, state=State.PASSED if good else State.FAILED, seconds=done.seconds)
        if good:
            return True
        fault = command.fault if done.code is None else phases.fault_of(command, done.code, done.tail)
        self._fail(plan.name, phases.reason_of(command, done.code, done.tail), fault)
        if shielded:
            self._remove(log)
        return False

    def _remove(self, log: Path) -> None:
        """Take the instance away after an orderly end failed; the failure stays on record."""
        execution.run(
            self._removal,
            log=log,
            environment=self._environment,
            stop=self._stop,
            show=lambda line: self._progress.plain(f"  {line}"),
            tick=lambda: self._progress.status(self._removal.name),
            shielded=True,
        )

    def _set_step(self, plan: Plan, index: int, **changes: object) -> None:
        phase = self._phase(plan)
        steps = list(phase.steps)
        steps[index] = replace(steps[index], **changes)  # pyright: ignore[reportArgumentType]
        reports = tuple(dict.fromkeys([*phase.reports, *(step.log for step in steps if step.log)]))
        self._journal.phase(replace(phase, steps=tuple(steps), reports=reports))

    def _collect(self, plan: Plan) -> None:
        """Read what the phase left; what a phase that passed should have left, and did not, is a failure."""
        phase = self._phase(plan)
        if phase.state is State.INTERRUPTED or (self._stop.by and not plan.always):
            return
        try:
            self._journal.write(self._collector.after(plan.name, self._journal.night))
        except Exception as error:
            if phase.state is State.RUNNING:
                self._fail(plan.name, f"its evidence is missing: {_told(error)}", Fault.TEST)
            return
        broken = [
            each
            for each in self._journal.night.promises
            if each["phase"] == plan.name and each["outcome"] == "failed"
        ]
        if broken:
            more = f", and {len(broken) - 1} more" if len(broken) > 1 else ""
            fault = self._phase(plan).fault or Fault.PRODUCT
            self._fail(plan.name, f"broken: {broken[0]['promise']}{more}", fault)

    def _fail(self, name: str, reason: str, fault: Fault) -> None:
        phase = self._journal.night.phase(name)
        self._journal.phase(replace(phase, state=State.FAILED, reason=reason, fault=fault))


def _told(error: Exception) -> str:
    words = str(error).strip().splitlines()
    return f"{type(error).__name__}: {words[0][:300]}" if words else type(error).__name__


def begun(run: str, plans: Sequence[Plan]) -> Night:
    """Return the record of a night that begins now."""
    return Night(
        run=run,
        began=datetime.now(UTC).isoformat(timespec="seconds"),
        phases=tuple(Phase(name=plan.name) for plan in plans),
        commit=provenance.commit(),
        machine=provenance.machine(),
        versions=provenance.pinned_versions(),
    )


def close_dead(folder: Path, *, but: str = "") -> list[str]:
    """Finish the records that killed nights left; return which. Only who holds the lock may ask."""
    closed: list[str] = []
    for file in sorted(folder.glob("*/evidence.json")):
        left = night.read(file)
        if left is None or left.finished or left.run == but or file.parent.is_symlink():
            continue
        publish(file.parent, night.interrupted(left, "killed"), folder / "history.jsonl")
        closed.append(left.run)
    return closed


def _tidy(folder: Path) -> None:
    runs = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    for old in runs[:-_RUNS_KEPT]:
        shutil.rmtree(old)


def run_inside(run: str) -> int:
    """Run the phases, under the instance's lock that the caller holds; return the exit code."""
    from harness.night.collection import Collection

    stop = Stop()
    stop.install()
    progress = Progress("nightly")
    for dead in close_dead(reports()):
        progress.line(f"the night {dead} had been killed: its page says where")
    folder = reports() / run
    plans = phases.plans(folder)
    if Instance(INSTANCE).folder.exists():
        # A killed night left it; this one begins with nothing.
        left_over = replace(phases.removal(), name="remove what was left", fault=Fault.INFRA)
        plans = (replace(plans[0], commands=(left_over, *plans[0].commands)), *plans[1:])
    journal = Journal(folder, begun(run, plans))
    _tidy(reports())
    collector = Collection(folder)
    told = Nightly(journal, plans, collector, stop=stop, progress=progress, removal=phases.removal()).run()
    _say(told, folder, progress)
    return told.exit_code


def _say(told: Night, folder: Path, progress: Progress) -> None:
    words, _ = page.headline(told)
    progress.line(f"{words} {page.summary(told)}")
    for phase in told.failed:
        progress.line(f"{phase.name}: {phase.fault or phase.state}: {phase.reason}")
    progress.line(f"page: {folder / 'index.html'}")


def guard(run: str, inner: Sequence[str], remove: Callable[[], object], folder: Path) -> int:
    """Run the night in a process of its own; clean up and close the record if that is killed."""
    child = subprocess.Popen(inner)

    def forward(_: int, __: FrameType | None) -> None:
        child.send_signal(signal.SIGTERM)

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, forward)
    code = child.wait()
    told = night.read(folder / run / "evidence.json")
    if told is None:
        # It never began: another one holds the lock, and says so itself.
        return _LOCK_REFUSED if code == 1 else code
    if told.finished:
        return told.exit_code
    sys.stderr.write("error: the night was killed; removing its instance\n")
    remove()
    closed = night.interrupted(told, "killed")
    publish(folder / run, closed, folder / "history.jsonl")
    sys.stderr.write(f"page: {folder / run / 'index.html'}\n")
    return closed.exit_code


def main(run: str | None = None) -> int:
    """Run a night, or with its id the inner part of one; the exit code tells whose fault it is."""
    if run is not None:
        return run_inside(run)
    run = datetime.now(UTC).strftime("%Y-%m-%dT%H-%M-%S")
    hold = [sys.executable, "-m", "cluster", "hold", "--name", INSTANCE, "make nightly", "--"]
    inner = [sys.executable, "-m", "harness", "nightly", "--run", run]
    removal = phases.removal()
    return guard(
        run,
        [*hold, *inner],
        lambda: subprocess.run(removal.argv, check=False, timeout=removal.timeout_seconds),
        reports(),
    )
