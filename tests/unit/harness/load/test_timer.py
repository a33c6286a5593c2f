"""Phases of a load gate, timed."""

import io

import pytest

from harness.load.timer import PhaseTimer
from terminal.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_phases_are_timed_in_order_also_those_that_fail() -> None:
    stream = io.StringIO()
    timer = PhaseTimer(Progress("load", stream, clock=lambda: 0.0))
    with timer.phase("train", "train a candidate"):
        pass
    with pytest.raises(ValueError, match="broken"), timer.phase("decide", "decide"):
        raise ValueError("broken")
    assert list(timer.seconds) == ["train", "decide"]
    assert all(0 <= seconds < 5 for seconds in timer.seconds.values())
    assert stream.getvalue() == "[load, 0 s] train a candidate\n[load, 0 s] decide\n"


def test_a_terminal_is_left_clear_after_a_phase() -> None:
    stream = Terminal()
    timer = PhaseTimer(Progress("load", stream))
    with timer.phase("train", "train a candidate"):
        pass
    assert stream.getvalue().endswith("\r\x1b[K")
