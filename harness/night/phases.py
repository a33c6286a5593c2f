"""Phases of a night: their commands and requirements, and the class of fault when one fails."""

import re
import sys
from dataclasses import dataclass
from pathlib import Path

from harness.evidence.night import Fault

INSTANCE = "nightly"
_MINUTE = 60.0
# A machine without a cache builds for most of an hour; with one, nothing is built.
_BUILD_SECONDS = 80 * _MINUTE

# Messages of failures that are the machine's, not the platform's.
_MACHINE = re.compile(
    r"No space left on device|Cannot allocate memory|Out of memory|this machine lacks|is in use by|"
    r"Temporary failure in name resolution|Network is unreachable"
)
# Messages of checks that could not be made at all.
_HARNESS = re.compile(r"No rule to make target|No module named|unrecognized arguments|INTERNALERROR")
# Exit codes of pytest: interrupted, internal error, wrong usage, nothing collected.
_PYTEST_BROKEN = frozenset({2, 3, 4, 5})


@dataclass(frozen=True, kw_only=True)
class Command:
    """One command of a phase."""

    name: str
    argv: tuple[str, ...]
    timeout_seconds: float
    fault: Fault = Fault.PRODUCT
    """Class of its failures, unless its output indicates another."""
    is_pytest: bool = False


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Plan of one phase."""

    name: str
    commands: tuple[Command, ...]
    needs: str = ""
    """Phase that must have succeeded for this one to run."""
    always: bool = False
    """Whether it also runs if the night was interrupted."""


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
        folder: Folder for the night's reports.
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
        # Models are trained, rolled out and drift, one after the other.
        Plan(name="slow", commands=(_verify("slow", folder, 150 * _MINUTE),), needs="up"),
        Plan(name="faults", commands=(_verify("faults", folder, 20 * _MINUTE),), needs="up"),
        Plan(name="down", commands=(_make("down", 10 * _MINUTE),), always=True),
    )


def removal() -> Command:
    """Return the command that removes the instance, whatever its state."""
    argv = (sys.executable, "-m", "cluster", "down", "--name", INSTANCE)
    return Command(name="remove", argv=argv, timeout_seconds=5 * _MINUTE)


def classify(command: Command, code: int, output: str) -> Fault:
    """Return the class of a failed command's fault."""
    if _MACHINE.search(output):
        return Fault.INFRA
    if _HARNESS.search(output) or (command.is_pytest and code in _PYTEST_BROKEN):
        return Fault.TEST
    return command.fault


def describe_failure(command: Command, code: int | None, output: str) -> str:
    """Return why a command failed, in one line: its first error, or else its last line."""
    if code is None:
        return f"{command.name} did not end within {command.timeout_seconds / _MINUTE:.0f} min"
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith(("error: ", "ERROR: ", "make: ***"))]
    message = (errors or lines[-1:] or ["no output"])[0]
    how = f"ended by signal {-code}" if code < 0 else f"exit {code}"
    return f"{command.name}: {how}: {message[:300]}"
