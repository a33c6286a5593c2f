"""The phases of a night: what each runs, what it needs, and whose fault it is when it fails."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.evidence.night import Fault

INSTANCE = "nightly"
_MINUTE = 60.0
# A cold machine builds for most of an hour; a warm one does nothing.
_BUILD_SECONDS = 80 * _MINUTE

# What the machine says when it, and not the platform, is at its end.
_MACHINE = re.compile(
    r"No space left on device|Cannot allocate memory|Out of memory|this machine lacks|is in use by|"
    r"Temporary failure in name resolution|Network is unreachable"
)
# What says that a check could not be made at all.
_HARNESS = re.compile(r"No rule to make target|No module named|unrecognized arguments|INTERNALERROR")
# Of pytest: interrupted, internal error, wrong usage, nothing collected.
_PYTEST_BROKEN = frozenset({2, 3, 4, 5})


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of a phase."""

    name: str
    argv: tuple[str, ...]
    timeout_seconds: float
    fault: Fault = Fault.PRODUCT
    """Whose fault its failure is, unless its output says otherwise."""
    is_pytest: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One phase as it is to run."""

    name: str
    commands: tuple[Command, ...]
    needs: str = ""
    """The phase without which this one cannot run."""
    always: bool = False
    """Whether it also runs when the night was interrupted."""


def _make(target: str, timeout_seconds: float, fault: Fault = Fault.PRODUCT) -> Command:
    argv = ("make", target, f"INSTANCE={INSTANCE}")
    return Command(name=target, argv=argv, timeout_seconds=timeout_seconds, fault=fault)


def _verify(which: str, folder: Path, timeout_seconds: float) -> Command:
    arguments = ("verify", "--only", which, "--keep-going", "--reports", str(folder / which))
    return Command(
        name=f"{which} journeys",
        argv=(sys.executable, "-m", "harness", *arguments),
        timeout_seconds=timeout_seconds,
        is_pytest=True,
    )


def plans(folder: Path) -> tuple[Plan, ...]:
    """Return the phases of a night, in order.

    Args:
        folder: where the night's reports go.
    """
    up = (
        _make("setup", 15 * _MINUTE, Fault.INFRA),
        _make("build", _BUILD_SECONDS, Fault.INFRA),
        _make("cluster", 6 * _MINUTE, Fault.INFRA),
        _make("deploy", 12 * _MINUTE),
        _make("demo", 12 * _MINUTE),
    )
    return (
        Plan(name="up", commands=up),
        Plan(name="verify", commands=(_verify("quick", folder, 20 * _MINUTE),), needs="up"),
        Plan(name="load", commands=(_make("load", 20 * _MINUTE),), needs="up"),
        Plan(name="faults", commands=(_verify("faults", folder, 20 * _MINUTE),), needs="up"),
        Plan(name="down", commands=(_make("down", 10 * _MINUTE),), always=True),
    )


def removal() -> Command:
    """Return the command that removes the instance whatever state it is in."""
    argv = (sys.executable, "-m", "cluster", "down", "--name", INSTANCE)
    return Command(name="remove", argv=argv, timeout_seconds=5 * _MINUTE)


def fault_of(command: Command, code: int, output: str) -> Fault:
    """Return whose fault a failed command is."""
    if _MACHINE.search(output):
        return Fault.INFRA
    if _HARNESS.search(output) or (command.is_pytest and code in _PYTEST_BROKEN):
        return Fault.TEST
    return command.fault


def reason_of(command: Command, code: int | None, output: str) -> str:
    """Return why a command failed, in one line: its first error, else its last words."""
    if code is None:
        return f"{command.name} did not end within {command.timeout_seconds / _MINUTE:.0f} min"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error: ", "ERROR: ", "make: ***"))]
    said = (errors or lines[-1:] or ["it said nothing"])[0]
    how = f"ended by signal {-code}" if code < 0 else f"exit {code}"
    return f"{command.name}: {how}: {said[:300]}"
