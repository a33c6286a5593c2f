"""Every fault of aws_faults.toml has a check that pytest collects, and every wrong input a test."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

from simulation.aws import rules
from tests.contract import repository

_TABLE: dict[str, list[dict[str, Any]]] = tomllib.loads(
    Path(__file__).with_name("aws_faults.toml").read_text()
)
# How many faults of each kind the desk check found: breaks, costs, is unsafe, is weak.
_FOUND = {"B": 12, "C": 5, "U": 5, "W": 10}


def _named() -> set[str]:
    faults = {check for each in _TABLE["fault"] for check in each["check"]}
    return faults | {each["check"] for each in _TABLE["input"]}


def _collected(files: set[str]) -> set[str]:
    """Return the ids of all tests in these files, with and without parameters."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", *sorted(files)]
    done = subprocess.run(command, cwd=repository.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout[-2000:]
    whole = {line for line in done.stdout.splitlines() if "::" in line}
    return whole | {each.partition("[")[0] for each in whole}


def test_every_fault_of_the_desk_check_is_in_the_table_once() -> None:
    wanted = [f"{kind}{number + 1}" for kind, count in _FOUND.items() for number in range(count)]
    assert [each["id"] for each in _TABLE["fault"]] == wanted


def test_every_check_is_collected() -> None:
    checks = _named()
    assert checks - _collected({each.partition("::")[0] for each in checks}) == set()


def test_rules_are_those_of_plans_and_each_fault_was_seen() -> None:
    for each in _TABLE["fault"]:
        assert each.get("rule") in {None, *rules.RULES}, each["id"]
        assert each["check"], each["id"]
        assert each["by"] in ("check", "source"), each["id"]
        assert each["before"], each["id"]
