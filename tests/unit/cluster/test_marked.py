"""Processes are found by a folder in their environment, their children included, and ended."""

import subprocess
import sys
from pathlib import Path

from cluster import marked
from harness import processes

MARK = "PLINTH_TEST_MARK"
SLEEP = [sys.executable, "-c", "import sys; sys.stdin.read()"]


def test_a_process_with_a_folder_below_is_found_and_one_with_a_longer_name_is_not(tmp_path: Path) -> None:
    folder, other = tmp_path / "one", tmp_path / "one-more"
    with (
        processes.started(SLEEP, {MARK: str(folder / "run")}) as below,
        processes.started(SLEEP, {MARK: str(other)}),
        processes.started(SLEEP, {MARK: str(folder)}) as exact,
    ):
        assert sorted(marked.processes(MARK, folder)) == sorted([below.pid, exact.pid])
        assert marked.processes("PLINTH_OTHER_MARK", folder) == []


def test_a_child_in_a_group_of_its_own_is_ended_too(tmp_path: Path) -> None:
    program = (
        "import subprocess, sys\n"
        "quiet = subprocess.DEVNULL\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True, stdout=quiet, stderr=quiet)\n"
        "print(child.pid, flush=True)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        env={MARK: str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    child = int(done.stdout)
    assert marked.processes(MARK, tmp_path) == [child]
    marked.end(MARK, tmp_path, "the test")
    assert marked.processes(MARK, tmp_path) == []
    marked.end(MARK, tmp_path, "nothing")
