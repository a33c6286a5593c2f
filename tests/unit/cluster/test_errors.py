import subprocess
import sys

import pytest


@pytest.mark.parametrize(
    "arguments",
    [
        ["up", "--name", "Not_A_Name"],
        ["up", "--kind", "docker"],
        ["hold", "label"],
        ["logs", "--name", "never-made", "etcd"],
    ],
)
def test_the_command_line_shows_an_error_as_one_line_without_a_traceback(arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cluster", *arguments], capture_output=True, text=True, check=False, timeout=30
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert len(done.stderr.strip().splitlines()) == 1
