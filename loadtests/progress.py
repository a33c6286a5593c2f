"""Live progress of a load run: a line that changes on a terminal, or a line every few seconds in a log."""

from collections.abc import Sequence
from typing import Final, TextIO

from loadtests.measurements import Observation, percentile
from terminal.progress import Progress

_LOG_SECONDS: Final = 5
_WINDOW_SECONDS: Final = 3.0
_COLUMNS: Final = 118


class RunProgress:
    """Shows how a run is going; called about once a second."""

    def __init__(self, stream: TextIO, name: str, planned_seconds: float) -> None:
        """Prepare to show a run on a stream."""
        self._progress = Progress(stream=stream, columns=_COLUMNS)
        self._name = name
        self._planned = planned_seconds
        self._shown = -_LOG_SECONDS

    def show(self, seconds: float, rate: float, observations: Sequence[Observation], backlog: int) -> None:
        """Show the state of the run, computed from the operations that ended in its last seconds.

        Args:
            seconds: Since the start of the run.
            rate: Rate at which operations are due now.
            observations: All operations that ended.
            backlog: Operations that wait for a user.
        """
        if not self._progress.live and seconds < self._shown + _LOG_SECONDS:
            return
        self._shown = int(seconds)
        text = line(self._name, seconds, self._planned, rate, observations, backlog)
        if self._progress.live:
            self._progress.status(text)
        else:
            self._progress.plain(text)

    def end(self) -> None:
        """Clear the terminal's last line."""
        self._progress.clear()


def line(
    name: str,
    seconds: float,
    planned: float,
    rate: float,
    observations: Sequence[Observation],
    backlog: int,
) -> str:
    """Return the state of a run as one line."""
    since = seconds - _WINDOW_SECONDS
    recent: list[Observation] = []
    # Observations are in the order in which they ended.
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
