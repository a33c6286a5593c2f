"""Processes as the machine sees them."""

import os

import pytest

from harness import processes

pytestmark = pytest.mark.unit


def test_a_name_with_parentheses_and_spaces_does_not_shift_the_fields() -> None:
    line = "42 (a) b (c)) S 7 42 42 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 1 0 9"
    assert processes.parse_stat(line) == processes.Stat(parent=7, cpu_seconds=3.0)


def test_a_child_descends_from_this_process_and_its_command_is_known() -> None:
    with processes.started(["sleep", "60"], {"MARK": "x=y"}) as child:
        assert child.pid in processes.descendants(os.getpid())
        assert processes.command_line(child.pid) == ["sleep", "60"]
        assert processes.environment(child.pid)["MARK"] == "x=y"
        with processes.pinned(child.pid, 0):
            assert os.sched_getaffinity(child.pid) == {0}
        assert os.sched_getaffinity(child.pid) == os.sched_getaffinity(0)
    assert processes.command_line(child.pid) == []


def test_processes_of_a_program_are_found_by_its_name_or_by_that_of_a_script(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    lines = {
        1: ["/usr/bin/traefik", "--x"],
        2: ["python3", "/usr/bin/mlflow", "server"],
        3: ["a", "b", "mlflow"],
        4: [],
    }
    monkeypatch.setattr(processes, "command_line", lines.__getitem__)
    assert processes.running(lines, "traefik") == [1]
    assert processes.running(lines, "mlflow") == [2]
