import pytest

from cluster.errors import ClusterError
from cluster.wait import wait_for


def test_returns_as_soon_as_there_is_nothing_to_wait_for() -> None:
    states = iter(["starting", "nearly", None])
    wait_for("thing", lambda: next(states), timeout_seconds=5, interval_seconds=0)


def test_a_state_that_must_last_is_read_that_often() -> None:
    states: list[str | None] = ["down", None, "down", None, None]
    reads = iter(states)
    wait_for("thing", lambda: next(reads), timeout_seconds=5, interval_seconds=0, successes=2)
    assert next(reads, "none left") == "none left"


def test_gives_up_with_the_last_state() -> None:
    with pytest.raises(ClusterError, match="thing: not after 0 s; last seen: starting"):
        wait_for("thing", lambda: "starting", timeout_seconds=0)


def test_a_terminal_state_ends_the_wait_at_once() -> None:
    def probe() -> str | None:
        raise ClusterError("it died")

    with pytest.raises(ClusterError, match="it died"):
        wait_for("thing", probe, timeout_seconds=60)
