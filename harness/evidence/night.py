"""Record of a night: written after every change, and readable even after the process was killed."""

import json
from dataclasses import asdict, dataclass, field, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

from upstream.cache import write_atomically


class State(StrEnum):
    """State of a phase or a step."""

    WAITING = "waiting"
    RUNNING = "running"
    PASSED = "passed"
    FAILED = "failed"
    SKIPPED = "skipped"
    """Not run, because a phase that it needs had failed; the reason names it."""
    INTERRUPTED = "interrupted"
    """Ended by a signal, or left unfinished when its process was killed."""


class Fault(StrEnum):
    """Class of a failure; determines the exit code."""

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
    """File next to the page."""


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One phase of the night."""

    name: str
    state: State = State.WAITING
    began: float = 0.0
    seconds: float = 0.0
    steps: tuple[Step, ...] = ()
    fault: Fault | None = None
    reason: str = ""
    """Why it did not pass, in one line."""
    reports: tuple[str, ...] = ()
    """Files next to the page."""


@dataclass(frozen=True, kw_only=True)
class Night:
    """Everything from which the page, the JSON and the history are made."""

    run: str
    """Id: its start time, as a file name."""
    began: str
    """ISO 8601, UTC."""
    phases: tuple[Phase, ...]
    seconds: float = 0.0
    finished: bool = False
    """Whether the last page has been written; false if the night was killed."""
    stopped_by: str = ""
    """The signal that ended it, or "killed" if it was left unfinished."""
    commit: str = ""
    machine: dict[str, str] = field(default_factory=dict[str, str])
    versions: dict[str, str] = field(default_factory=dict[str, str])
    images: tuple[dict[str, str], ...] = ()
    promises: tuple[dict[str, Any], ...] = ()
    """Results of journeys and checks, each with its phase."""
    memory: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    """Memory by component at the end of a phase."""
    pipeline: dict[str, Any] = field(default_factory=dict[str, Any])
    """Run of the reference pipeline, with its steps."""
    load: dict[str, Any] = field(default_factory=dict[str, Any])
    """Report of the load tests."""
    stories: tuple[dict[str, Any], ...] = ()
    """What journeys saw from second to second, of `stories.Story`."""

    def phase(self, name: str) -> Phase:
        """Return one phase."""
        return next(phase for phase in self.phases if phase.name == name)

    def with_phase(self, changed: Phase) -> "Night":
        """Return the night with one phase replaced."""
        phases = tuple(changed if phase.name == changed.name else phase for phase in self.phases)
        return replace(self, phases=phases)

    @property
    def failed(self) -> tuple[Phase, ...]:
        """Phases that failed or were interrupted."""
        return tuple(phase for phase in self.phases if phase.state in (State.FAILED, State.INTERRUPTED))

    @property
    def is_green(self) -> bool:
        """Whether every phase has run and passed."""
        return self.finished and all(phase.state is State.PASSED for phase in self.phases)

    @property
    def fault(self) -> Fault | None:
        """Class of the night's failure: product takes precedence over infra, and infra over test."""
        found = {phase.fault for phase in self.phases if phase.fault}
        return next((fault for fault in Fault if fault in found), None)

    @property
    def exit_code(self) -> int:
        """Exit code of the command."""
        if self.stopped_by:
            return INTERRUPTED_CODE
        if self.is_green:
            return 0
        return EXIT_CODES[self.fault or Fault.TEST]


def interrupted(night: Night, by: str) -> Night:
    """Return the record of a night that was killed: running phases are interrupted, waiting ones skipped."""
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
    """Write the record atomically."""
    write_atomically(file, json.dumps(asdict(night), indent=1, default=str) + "\n")


def read(file: Path) -> Night | None:
    """Return the record in a file, or None if it is missing or unreadable."""
    try:
        table: dict[str, Any] = json.loads(file.read_text())
        phases = tuple(_phase(each) for each in table.pop("phases"))
        lists = {name: tuple(table.pop(name, ())) for name in ("images", "promises", "stories")}
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
