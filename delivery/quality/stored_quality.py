"""What the object store says of a version's quality: its recorded requests that have a label."""

from datetime import UTC, datetime, time, timedelta
from typing import Final

from delivery.experiments.records import Answered
from delivery.experiments.stored_labels import Side, StoredLabels
from delivery.experiments.tally import Tally
from delivery.payloads.store import first_kept
from workloads.serving.experiment_request import Metric

MOST_REQUESTS: Final = 1_000_000
"""Recorded requests that one look reads, labelled or not: half a minute of a processor."""
_SHORTEST: Final = timedelta(hours=1)


class StoredQuality:
    """The bucket of payloads, read from the first day that is kept at each look."""

    def __init__(self, labels: StoredLabels, keep_days: int | None) -> None:
        """Read from this bucket; nothing is sent yet.

        Args:
            labels: The bucket.
            keep_days: Days for which requests are kept; None where the store deletes them itself.
        """
        self._labels = labels
        self._keep_days = keep_days

    def measure(
        self, namespace: str, model_name: str, side: Side, window: tuple[datetime, datetime]
    ) -> Answered:
        """Return what labels say of the answers of one version.

        What takes more labels or requests than one look reads is counted from a later time on: the window is
        halved until it fits, down to an hour.

        Args:
            namespace: Of the models.
            model_name: The model.
            side: The version; it predicts classes.
            window: Since when the version serves, and the time now, both in UTC.

        Raises:
            BotoCoreError, ClientError, OSError, ValueError: the store was not read.
        """
        begin, now = window
        if self._keep_days is not None:
            # Whole days are deleted, so that all rows of a window are there until the next one begins.
            day = first_kept(now.date(), self._keep_days)
            begin = max(begin, datetime.combine(day, time(), UTC))
        while True:
            length = now - begin
            is_shortest = length <= _SHORTEST
            with self._labels.lock:
                tally = Tally(Metric.ACCURACY, begin)
                requests = _Requests(tally, takes_what_fits=is_shortest)
                try:
                    self._labels.read(namespace, model_name, (begin, now), tally, (side,), requests)
                except _FullError:
                    tally.is_full = True
                found = tally.answered()
            if is_shortest or not found.is_full:
                return found
            begin = now - max(_SHORTEST, length / 2)


class _Requests:
    """Hands requests to a tally, until there are too many."""

    def __init__(self, tally: Tally, *, takes_what_fits: bool) -> None:
        self._tally = tally
        self._takes_what_fits = takes_what_fits
        self._left = MOST_REQUESTS

    def add_label(self, line: bytes) -> None:
        self._tally.add_label(line)

    def add_request(self, line: bytes) -> None:
        if not self._left or (self._tally.is_full and not self._takes_what_fits):
            raise _FullError
        self._left -= 1
        self._tally.add_request(line)

    def count_broken_file(self) -> None:
        self._tally.count_broken_file()


class _FullError(Exception):
    """There are more rows than one look reads."""
