"""Phases, and the class of a failure."""

from pathlib import Path

import pytest

from harness.evidence.night import Fault
from harness.night import phases
from harness.night.phases import Command, classify, describe_failure, plans

JOURNEYS = Command(name="quick journeys", argv=(), timeout_seconds=600, is_pytest=True)
DEPLOY = Command(name="deploy", argv=(), timeout_seconds=600)
BUILD = Command(name="build", argv=(), timeout_seconds=600, fault=Fault.INFRA)


@pytest.mark.parametrize(
    ("command", "code", "output", "fault"),
    [
        (JOURNEYS, 1, "1 failed, 3 passed", Fault.PRODUCT),
        (JOURNEYS, 2, "collection failed", Fault.TEST),
        (JOURNEYS, 5, "no tests ran", Fault.TEST),
        (DEPLOY, 2, "error: postgres: not ready", Fault.PRODUCT),
        (DEPLOY, 2, "OSError: [Errno 28] No space left on device", Fault.INFRA),
        (DEPLOY, 1, "error: cluster 'nightly' is in use by `make down` (pid 3, since now)", Fault.INFRA),
        (DEPLOY, 2, "make: *** No rule to make target 'load'.  Stop.", Fault.TEST),
        (BUILD, 2, "error: compiling etcd failed", Fault.INFRA),
        (BUILD, 2, "error: this machine lacks:\n  - root", Fault.INFRA),
    ],
)
def test_each_failure_has_its_class(command: Command, code: int, output: str, fault: Fault) -> None:
    assert classify(command, code, output) is fault


@pytest.mark.parametrize(
    ("code", "output", "reason"),
    [
        (2, "one\nerror: no room\nmake: *** [Makefile:1: up] Error 1\n", "deploy: exit 2: error: no room"),
        (2, "one\nlast words\n\n", "deploy: exit 2: last words"),
        (1, "", "deploy: exit 1: no output"),
        (-9, "one", "deploy: ended by signal 9: one"),
        (None, "one", "deploy did not end within 10 min"),
    ],
)
def test_the_reason_is_the_first_error_or_the_last_line(code: int | None, output: str, reason: str) -> None:
    assert describe_failure(DEPLOY, code, output) == reason


def test_a_night_installs_verifies_loads_breaks_and_always_removes(tmp_path: Path) -> None:
    night = plans(tmp_path)
    assert [plan.name for plan in night] == ["up", "verify", "load", "slow", "faults", "down"]
    assert [plan.name for plan in night if plan.always] == ["down"]
    assert {plan.needs for plan in night[1:5]} == {"up"}
    targets = [command.argv[1] for plan in night for command in plan.commands if command.argv[0] == "make"]
    assert targets == ["setup", "build", "cluster", "deploy", "demo", "load", "down"]
    assert phases.removal().argv[1:] == ("-m", "cluster", "down", "--name", "nightly")


def test_each_kind_of_journeys_is_run_and_reports_to_a_folder_of_its_own(tmp_path: Path) -> None:
    night = {plan.name: plan.commands[0].argv for plan in plans(tmp_path)}
    for phase, which in (("verify", "quick"), ("slow", "slow"), ("faults", "faults")):
        assert night[phase][3:] == (
            "verify",
            "--only",
            which,
            "--keep-going",
            "--reports",
            str(tmp_path / which),
        )
