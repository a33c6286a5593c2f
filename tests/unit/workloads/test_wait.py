"""The wait of workloads."""

import time

import pytest

from workloads.errors import WorkloadsError
from workloads.wait import wait, wait_for


def test_it_returns_the_first_status_that_is_ready() -> None:
    statuses = iter(["pending", "running", "done", "never read"])
    status = wait(
        "a run",
        lambda: next(statuses),
        ready=lambda each: each == "done",
        timeout_seconds=5,
        interval_seconds=0,
    )
    assert status == "done"


def test_an_error_ends_it_early() -> None:
    with pytest.raises(WorkloadsError, match=r"^a run: it failed$"):
        wait(
            "a run",
            lambda: "failed",
            ready=lambda _: False,
            error=lambda each: f"it {each}",
            timeout_seconds=3600,
        )


def test_a_failure_in_between_begins_the_successes_anew() -> None:
    statuses = [1, 1, 0, 1, 1, 1]
    reads = iter(statuses)
    wait("x", lambda: next(reads), ready=bool, timeout_seconds=5, interval_seconds=0, successes=3)
    assert next(reads, None) is None


def test_the_last_status_is_in_the_error() -> None:
    with pytest.raises(WorkloadsError, match="a run: not within 0 s; last seen: pending"):
        wait("a run", lambda: "pending", ready=lambda _: False, timeout_seconds=0)


def test_it_ends_after_enough_successful_probes_in_a_row() -> None:
    states: list[str | None] = ["down", None, "down", None, None]
    seen: list[str | None] = []

    def probe() -> str | None:
        seen.append(states[len(seen)])
        return seen[-1]

    wait_for("a thing", probe, timeout_seconds=5, interval_seconds=0, successes=2)
    assert seen == states


def test_a_timeout_has_the_last_state() -> None:
    with pytest.raises(WorkloadsError, match="a thing: not within 0 s; last seen: still down"):
        wait_for("a thing", lambda: "still down", timeout_seconds=0)


def test_the_interval_may_follow_from_the_status(monkeypatch: pytest.MonkeyPatch) -> None:
    statuses, slept = iter([1.0, 2.0, 0.0]), list[float]()
    monkeypatch.setattr(time, "sleep", slept.append)
    wait("x", lambda: next(statuses), ready=lambda each: not each, timeout_seconds=5, interval_seconds=float)
    assert slept == [1, 2]
