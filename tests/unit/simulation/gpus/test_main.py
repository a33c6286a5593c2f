"""The command that `python -m simulation.gpus` becomes."""

import os
import sys

import pytest

from simulation.gpus import __main__ as command
from simulation.gpus.tier import ADDRESS, INSIDE


@pytest.fixture
def executed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The program and arguments that take the place of this process."""
    seen: list[str] = []

    def execvp(program: str, argv: list[str]) -> None:
        assert argv[0] == program
        seen.extend(argv)

    monkeypatch.setattr(command.os, "execvp", execvp)
    monkeypatch.setattr(sys, "argv", ["simulation.gpus", "--reports", "folder"])
    monkeypatch.setenv(INSIDE, "")
    command.main()
    return seen


def test_the_harness_verifies_the_gpu_journeys_to_their_end(executed: list[str]) -> None:
    start = executed.index(sys.executable)
    harness = executed[start:]
    assert harness == [
        *(sys.executable, "-m", "harness", "verify", "--only", "gpus", "--keep-going"),
        *("--reports", "folder"),
    ]


def test_it_runs_in_namespaces_that_end_with_their_first_process(executed: list[str]) -> None:
    before = executed[: executed.index("sh")]
    assert before[0] == "unshare"
    assert {"--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"} == set(before[1:])


def test_the_tiers_address_exists_before_the_harness_starts(executed: list[str]) -> None:
    shell, option, script, name = executed[executed.index("sh") : executed.index(sys.executable)]
    assert (shell, option, name) == ("sh", "-c", "sh")
    network, _, rest = script.rpartition(" && ")
    assert network == f"ip link set lo up && ip address add {ADDRESS}/32 dev lo"
    # Replaced, so that a signal reaches the harness and not a shell in front of it.
    assert rest == 'exec "$@"'


@pytest.mark.usefixtures("executed")
def test_the_tests_of_the_tier_know_that_they_are_inside() -> None:
    assert os.environ[INSIDE] == "1"
