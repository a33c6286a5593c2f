import pytest

from cluster.command import run
from cluster.errors import ClusterError


def test_returns_what_the_program_printed() -> None:
    assert run(["cat"], stdin="hello") == "hello"


def test_a_failure_is_one_line_with_the_reason() -> None:
    with pytest.raises(ClusterError) as caught:
        run(["sh", "-c", "echo first >&2; echo reason >&2; exit 3"])
    assert str(caught.value).endswith("exit 3: reason")


def test_a_missing_program_names_its_fix() -> None:
    with pytest.raises(
        ClusterError, match="no-such-program is not installed: run `python -m cluster prerequisites`"
    ):
        run(["no-such-program"])


def test_a_program_that_does_not_end_is_ended() -> None:
    with pytest.raises(ClusterError, match=r"sleep 30: no end after 0 s"):
        run(["sleep", "30"], timeout_seconds=0.2)
