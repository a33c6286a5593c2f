"""One version of a model: the window that its live rows fill, and what the last full one showed."""

from collections.abc import Collection, Mapping
from typing import Final

from delivery.monitoring.limits import DriftLimits
from delivery.monitoring.pod_counts import PodCounts
from delivery.statistics import windows
from delivery.statistics.windows import Counts, Judgement, Window

_FEWEST_PARTS: Final = 5
"""Parts of a window without which nobody can say how much its rows resemble each other: under load, one
reading has more rows than a window needs."""


class VersionDrift:
    """Adds up what the pods of a version count, and judges each full window."""

    def __init__(self, limits: DriftLimits) -> None:
        """Begin without rows."""
        self._limits = limits
        self._before: dict[str, PodCounts] = {}
        self._references: Mapping[str, Counts] = {}
        self._window = Window()
        self.judgement: Judgement | None = None
        """What the last full window showed."""
        self.is_without_reference = False
        """Whether its pods answer, and have nothing to compare with."""

    @property
    def rows(self) -> int:
        """Rows of the window that fills."""
        return self._window.rows

    def take(self, readings: Mapping[str, PodCounts], pods: Collection[str]) -> None:
        """Take what pods have counted.

        The first reading of a pod counts nothing: what it has answered before was seen by nobody, such as the
        rows that proved it before it got requests.

        Args:
            readings: Pod -> its counts.
            pods: Every pod that there is, also those that did not answer.
        """
        usable = {pod: each for pod, each in readings.items() if each.references}
        if readings:
            self.is_without_reference = not usable
        references = [each.references for each in usable.values()]
        if references and self._references not in references:
            self._begin(references[0])
        self._before = {pod: each for pod, each in self._before.items() if pod in pods}
        grown: dict[str, Counts] = {}
        for pod, reading in usable.items():
            # A pod of another runtime, which excludes other features, is about to be replaced, or to replace.
            if reading.references != self._references:
                continue
            if pod in self._before:
                grown = windows.summed(grown, reading.since(self._before[pod]))
            self._before[pod] = reading
        if any(map(sum, grown.values())):
            self._window = windows.added(self._window, grown, self._limits.window_rows)
            self._judge()

    def _begin(self, references: Mapping[str, Counts]) -> None:
        self._references = references
        self._before = {}
        self._window = Window()
        self.judgement = None

    def _judge(self) -> None:
        if len(self._window.subwindows) < _FEWEST_PARTS:
            return
        limits = self._limits
        found = windows.judged(self._window, self._references, limits.window_rows, limits.psi)
        if found is not None:
            self.judgement = found
            self._window = found.following
