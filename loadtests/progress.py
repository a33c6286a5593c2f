"""Live progress of a run: one line that changes in a terminal, a plain line now and then in a log."""

from collections.abc import Sequence
from typing import Final, TextIO

from loadtests.measurements import Observation, percentile

_LOG_SECONDS: Final = 5
_WINDOW_SECONDS: Final = 3.0
_CLEAR: Final = "\r\x1b[2K"
_COLUMNS: Final = 118


class Progress:
    """Shows how a run goes, about once a second."""

    def __init__(self, stream: TextIO, name: str, planned_seconds: float) -> None:
        """Remember where lines go; a terminal is asked once."""
        self._stream = stream
        self._live = stream.isatty()
        self._name = name
        self._planned = planned_seconds
        self._shown = -_LOG_SECONDS

    def show(self, seconds: float, rate: float, observations: Sequence[Observation], backlog: int) -> None:
        """Show the state of the run, from what ended in its last seconds.

        Args:
            seconds: Since the run began.
            rate: At which operations are due now.
            observations: All that ended.
            backlog: Operations that wait for a user.
        """
        if not self._live and seconds < self._shown + _LOG_SECONDS:
            return
        self._shown = int(seconds)
        text = line(self._name, seconds, self._planned, rate, observations, backlog)
        self._stream.write(f"{_CLEAR}{text[:_COLUMNS]}" if self._live else f"{text}\n")
        self._stream.flush()

    def end(self) -> None:
        """Leave the terminal's line free for what follows."""
        if self._live:
            self._stream.write(_CLEAR)
            self._stream.flush()


def line(
    name: str,
    seconds: float,
    planned: float,
    rate: float,
    observations: Sequence[Observation],
    backlog: int,
) -> str:
    """Return one line on a run."""
    since = seconds - _WINDOW_SECONDS
    recent: list[Observation] = []
    # Observations are kept in the order in which they ended.
    for each in reversed(observations):
        if each.ended < since:
            break
        recent.append(each)
    ordered = sorted(each.latency_ms for each in recent)
    good = sum(not each.fault for each in recent) / max(0.001, min(seconds, _WINDOW_SECONDS))
    bad = sum(bool(each.fault) for each in recent)
    return (
        f"{name}  {seconds:4.0f} of {planned:.0f} s  due {rate:.0f}/s  good {good:.0f}/s  "
        f"p50 {percentile(ordered, 0.5):.1f}  p99 {percentile(ordered, 0.99):.1f} ms  "
        f"not good {bad}  waiting {backlog}"
    )
