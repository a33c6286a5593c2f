"""One night's verification as a record: written after every phase, readable after any death."""

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from upstream.cache import write_atomically


class State(StrEnum):
    """How far a phase or a step is."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not run, because what it needs had failed; the reason says what."""
    INTERRUPTED = "interrupted"
    """Ended by a signal, or found unfinished after its process was killed."""


class Fault(StrEnum):
    """Whose fault a failure is; decides the exit code."""

    PRODUCT = "product"
    INFRA = "infra"
    TEST = "test"


EXIT_CODES = {Fault.PRODUCT: 1, Fault.INFRA: 3, Fault.TEST: 4}
INTERRUPTED_CODE = 130


@dataclass(frozen=True, kw_only=True)
class Step:
    """One command of a phase."""

    name: str
    state: State = State.WAITING
    began: float = 0.0
    """Seconds since the night began."""
    seconds: float = 0.0
    log: str = ""
    """File beside the page."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One part of the night."""

    name: str
    state: State = State.WAITING
    began: float = 0.0
    seconds: float = 0.0
    steps: tuple[Step, ...] = ()
    fault: Fault | None = None
    reason: str = ""
    """Why it is not PASSED, in one line."""
    reports: tuple[str, ...] = ()
    """Files beside the page."""


@dataclass(frozen=True, kw_only=True)
class Night:
    """All that the page, the JSON and the history are made from."""

    run: str
    """Its id: when it began, fit for a file name."""
    began: str
    """ISO 8601, UTC."""
    phases: tuple[Phase, ...]
    seconds: float = 0.0
    finished: bool = False
    """Whether the last page has been written; false in what a SIGKILL leaves."""
    stopped_by: str = ""
    """The signal that ended it, or "killed" if it was found unfinished."""
    commit: str = ""
    machine: dict[str, str] = field(default_factory=dict[str, str])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    images: tuple[dict[str, str], ...] = ()
    promises: tuple[dict[str, Any], ...] = ()
    """Verdicts of journeys and checks, each with its phase."""
    memory: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """Memory by component at the end of a phase."""
    pipeline: dict[str, Any] = field(default_factory=dict[str, Any])
    """The reference pipeline's run, with its steps."""
    load: dict[str, Any] = field(default_factory=dict[str, Any])
    """The load test's own report."""

    def phase(self, name: str) -> Phase:
        """Return one phase."""
        return next(phase for phase in self.phases if phase.name == name)

    def with_phase(self, changed: Phase) -> "Night":
        """Return the night with one phase replaced."""
        phases = tuple(changed if phase.name == changed.name else phase for phase in self.phases)
        return replace(self, phases=phases)

    @property
    def failed(self) -> tuple[Phase, ...]:
        """The phases that did not do what they are for."""
        return tuple(phase for phase in self.phases if phase.state in (State.FAILED, State.INTERRUPTED))

    @property
    def is_green(self) -> bool:
        """Whether all that should have been done was done, and held."""
        return self.finished and all(phase.state is State.PASSED for phase in self.phases)

    @property
    def fault(self) -> Fault | None:
        """The class of the night's failure: the product's outranks the machine's, that the tests' own."""
        found = {phase.fault for phase in self.phases if phase.fault}
        return next((fault for fault in Fault if fault in found), None)

    @property
    def exit_code(self) -> int:
        """What the command returns."""
        if self.stopped_by:
            return INTERRUPTED_CODE
        if self.is_green:
            return 0
        return EXIT_CODES[self.fault or Fault.TEST]


def interrupted(night: Night, by: str) -> Night:
    """Return the night as known once its process is gone: what ran was interrupted, the rest not run."""
    after = night
    for phase in night.phases:
        if phase.state is State.RUNNING:
            steps = tuple(
                replace(step, state=State.INTERRUPTED) if step.state is State.RUNNING else step
                for step in phase.steps
            )
            where = next((step.name for step in steps if step.state is State.INTERRUPTED), phase.name)
            after = after.with_phase(
                replace(phase, state=State.INTERRUPTED, steps=steps, reason=f"{by} during {where}")
            )
        elif phase.state is State.WAITING:
            after = after.with_phase(replace(phase, state=State.SKIPPED, reason=f"not reached: {by} before"))
    return replace(after, finished=True, stopped_by=by)


def write(night: Night, file: Path) -> None:
    """Write the record; a reader sees the old one or the new one, never half of one."""
    write_atomically(file, json.dumps(asdict(night), indent=1, default=str) + "\n")


def read(file: Path) -> Night | None:
    """Return the record in a file, or None if there is none that can be read."""
    try:
        table: dict[str, Any] = json.loads(file.read_text())
        phases = tuple(_phase(each) for each in table.pop("phases"))
        lists = {name: tuple(table.pop(name)) for name in ("images", "promises")}
        return Night(phases=phases, **lists, **table)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _phase(table: dict[str, Any]) -> Phase:
    changed: dict[str, Any] = {
        **table,
        "state": State(table["state"]),
        "steps": tuple(_step(step) for step in table["steps"]),
        "fault": Fault(table["fault"]) if table["fault"] else None,
        "reports": tuple(table["reports"]),
    }
    return Phase(**changed)


def _step(table: dict[str, Any]) -> Step:
    changed: dict[str, Any] = {**table, "state": State(table["state"])}
    return Step(**changed)
