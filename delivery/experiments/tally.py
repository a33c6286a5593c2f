"""Counts the labelled rows of two versions, line by line: it keeps no row, and of each request four numbers.

A unit is what was assigned to a version: the digest in the header of units, else the request. Its value is
the mean of all its labelled rows, so that a caller with many requests counts once. This is what the interval
assumes: units are independent of each other, rows of a unit need not be.
"""

import json
from array import array
from collections.abc import Sequence
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any, Final

from delivery.experiments.records import Answered, Arm, Measured
from delivery.proofs import answers
from delivery.proofs.answers import Row, is_number
from delivery.statistics.experiment import Sample
from workloads.retraining.labelled_rows import LabelledRows
from workloads.serving.experiment_request import MOST_ROWS, Metric

_UNIT: Final = "unit="
"""What the attribute of a recorded request begins with that names its unit."""


class Tally:
    """The labelled rows of one experiment: first take all labels, then the requests of each version."""

    def __init__(self, metric: Metric, begin: datetime) -> None:
        """Begin without any.

        Args:
            metric: What is compared.
            begin: Requests that were answered before do not count.
        """
        self._metric = metric
        self._begin = begin
        self._labels = LabelledRows(begin, datetime.max.replace(tzinfo=UTC))
        self._places: dict[int, int] = {}
        """Hash of a request's id -> its place in the arrays."""
        self._contents, self._units = array("Q"), array("Q")
        self._totals, self._rows, self._versions = array("d"), array("L"), array("b")
        self._version = 0
        self._classes: tuple[Any, ...] = ()
        self._unread = 0
        self.is_full = False
        """Whether there are more labels than an experiment takes."""

    def add_label(self, line: bytes) -> None:
        """Take one line of a file of labels."""
        if self._labels.labels >= MOST_ROWS:
            self.is_full = True
            return
        self._labels.add_label(line)

    @property
    def labels(self) -> int:
        """How many rows have a label, whether or not their requests are known."""
        return self._labels.labels

    def begin_version(self, *, is_challenger: bool, classes: Sequence[Any]) -> None:
        """Take the requests of one version from here on.

        Args:
            is_challenger: Whether it is the new one.
            classes: Those that its probabilities are of.
        """
        self._version, self._classes = int(is_challenger), tuple(classes)

    def add_request(self, line: bytes) -> None:
        """Take one line of a file of requests; one without labels is nothing but read."""
        try:
            record = json.loads(line)
            event = record["eventMetadata"]
            identity, answered = str(event["eventId"]), datetime.fromisoformat(event["inferenceTime"])
            answered = answered if answered.tzinfo else answered.replace(tzinfo=UTC)
            if answered < self._begin:
                return
            output = record["captureData"]["endpointOutput"]
            given = answers.rows_of(json.loads(output["data"])) if output["encoding"] == "JSON" else []
            unit = _unit_of(event, identity)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            self._unread += 1
            return
        labels = self._labels.of_request(identity, len(given))
        values = [self._value(given[at], label) for at, label in labels.items()]
        known = [each for each in values if each is not None]
        self._unread += len(values) - len(known)
        if known:
            self._keep(_hash(identity), _hash(output["data"]), unit, known)

    def count_broken_file(self) -> None:
        """Count a file that is not what its name says."""
        self._labels.count_broken_file()

    def measured(self) -> Measured:
        """Return what was found, by unit; nothing is taken after it."""
        left_out = self._close()
        challenger, champion = self._arm(1), self._arm(0)
        return Measured(challenger=challenger, champion=champion, left_out=left_out, is_full=self.is_full)

    def answered(self) -> Answered:
        """Return how often the answers of all versions were right, by request; nothing is taken after it."""
        left_out = self._close()
        kept = [(total, rows) for total, rows in zip(self._totals, self._rows, strict=True) if rows]
        rows = sum(each for _, each in kept)
        return Answered(
            rows=rows,
            wrong_rows=rows - round(sum(total for total, _ in kept)),
            requests=len(kept),
            wrong=sum(1 - total / each for total, each in kept),
            left_out=left_out,
            is_full=self.is_full,
        )

    def _close(self) -> str:
        left_out = self._labels.left_out()
        if self._unread:
            left_out = [*left_out, f"{self._unread} answers or labels that the metric cannot compare"]
        self._labels = LabelledRows(self._begin, self._begin)
        self._places = {}
        return f"left out: {', '.join(left_out)}" if left_out else ""

    def _value(self, answer: Row, label: str) -> float | None:
        """Return the metric of one row; None if answer and label do not have one."""
        if self._metric is Metric.ACCURACY:
            if len(answer) != len(self._classes) or not all(map(is_number, answer)):
                return None
            return float(str(self._classes[answer.index(max(answer))]) == label.strip())
        try:
            (given,) = answer
            error = float(given) - float(label)
        except (TypeError, ValueError):
            return None
        if not is_number(error):
            return None
        return error**2 if self._metric is Metric.SQUARED_ERROR else abs(error)

    def _keep(self, identity: int, content: int, unit: int, values: Sequence[float]) -> None:
        place = self._places.setdefault(identity, len(self._contents))
        if place == len(self._contents):
            self._contents.append(content)
            self._units.append(unit)
            self._totals.append(sum(values))
            self._rows.append(len(values))
            self._versions.append(self._version)
        elif self._contents[place] != content or self._versions[place] != self._version:
            # The caller has used the id again: which of the requests is meant is not known.
            self._labels.counts["shared"] += self._rows[place]
            self._rows[place] = 0

    def _arm(self, version: int) -> Arm:
        rows = 0
        places: dict[int, int] = {}
        totals, counts = array("d"), array("L")
        for unit, total, count, whose in zip(
            self._units, self._totals, self._rows, self._versions, strict=True
        ):
            if whose != version or not count:
                continue
            rows += count
            place = places.setdefault(unit, len(totals))
            if place == len(totals):
                totals.append(0.0)
                counts.append(0)
            totals[place] += total
            counts[place] += count
        means = [total / count for total, count in zip(totals, counts, strict=True)]
        sample = Sample(units=len(means), total=sum(means), total_of_squares=sum(each**2 for each in means))
        return Arm(rows=rows, sample=sample)


def _unit_of(event: Any, identity: str) -> int:
    for each in event.get("customAttributes", []):
        if each.startswith(_UNIT):
            # Apart from ids of requests, whatever these look like.
            return _hash(each.lower())
    return _hash(identity)


def _hash(text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=8).digest(), "big")
