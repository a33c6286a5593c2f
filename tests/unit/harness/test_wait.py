"""The short wait of journeys."""

import pytest

from tests.harness.wait import wait_for
from workloads.errors import WorkloadsError


def test_it_ends_when_the_probe_has_nothing_to_report_often_enough() -> None:
    states: list[str | None] = ["down", None, "down", None, None]
    seen: list[str | None] = []

    def probe() -> str | None:
        seen.append(states[len(seen)])
        return seen[-1]

    wait_for("a thing", probe, timeout_seconds=5, interval_seconds=0, successes=2)
    assert seen == states


def test_it_says_the_last_state_when_the_time_is_over() -> None:
    with pytest.raises(WorkloadsError, match="a thing: not within 0 s; last seen: still down"):
        wait_for("a thing", lambda: "still down", timeout_seconds=0)
