"""Labels of live requests: what turned out to be true, joined with the rows that a model was asked about.

Embedded in the step that assembles data, so it imports nothing of this repository. Both are JSON lines in the
bucket of payloads, plain or compressed with gzip, in the two forms that SageMaker publishes:

    NAMESPACE/MODEL/vN/yyyy/mm/dd/hh/POD-SEQ.jsonl.gz    a request and its answer: its data capture
    NAMESPACE/MODEL/labels/ANYTHING.jsonl[.gz]           a label: its ground truth

No version is called `labels`, so that no file is both, whatever the name of a model. A label is

    {"groundTruthData": {"data": "class_1", "encoding": "CSV"}, "eventMetadata": {"eventId": "ID"}}

where ID is the `x-request-id` of the answer; of a request with several rows it is `ID:ROW`, counted from 0.
The data is a text, a number or a boolean; with the encoding JSON it may be the JSON of one.
"""

import csv
import hashlib
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

LABELS = "labels"
"""Folder of a model that holds its labels, next to those of its versions."""
_LEFT_OUT = {
    "broken label": "lines that are no label",
    "contradiction": "labels that disagree with another of the same row",
    "unknown": "labels of no row in the window",
    "broken payload": "lines that are no request",
    "nameless": "requests whose rows have no names of features",
    "shared": "labels of an id that several requests had",
    "broken file": "files that cannot be read",
}


@dataclass(frozen=True)
class LabelledRow:
    """A row that a caller sent, and what is right for it."""

    identity: str
    """Id of the request, with the place of the row behind a colon."""
    values: Mapping[str, Any]
    """By feature, as JSON has them."""
    label: str


class LabelledRows:
    """The rows of a window that have a label: first take all labels, then all requests."""

    def __init__(self, begin: datetime, end: datetime) -> None:
        """Begin without any.

        Args:
            begin: Requests that were answered before are left out.
            end: So are those that were answered then or later.
        """
        self._begin = begin
        self._end = end
        self._labels: dict[str, str] = {}
        self._contradicted: set[str] = set()
        self._matched: set[str] = set()
        self._requests: dict[str, list[LabelledRow]] = {}
        self._digests: dict[str, bytes] = {}
        """Of each request's rows, to tell a request that is stored twice from another with its id."""
        self._shared: set[str] = set()
        self.counts: Counter[str] = Counter()
        """What was left out, by why; `repeated` is of labels that say the same as another."""

    @property
    def labels(self) -> int:
        """How many rows have a label, whether or not their requests are known."""
        return len(self._labels) - len(self._contradicted)

    @property
    def rows(self) -> list[LabelledRow]:
        """The rows with their labels, in the order of the requests."""
        return [row for each in self._requests.values() for row in each]

    def add_label(self, line: bytes) -> None:
        """Take one line of a file of labels; one that is none is counted."""
        try:
            record = json.loads(line)
            identity = record["eventMetadata"]["eventId"]
            label = label_of(record["groundTruthData"])
            if not isinstance(identity, str) or not identity:
                raise ValueError("no id")
        except (ValueError, KeyError, TypeError):
            self.counts["broken label"] += 1
            return
        is_new = identity not in self._labels
        known = self._labels.setdefault(identity, label)
        if identity in self._contradicted:
            self.counts["contradiction"] += 1
        elif known != label:
            # Nobody can say which of the two is right.
            self._contradicted.add(identity)
            self.counts["contradiction"] += 2
        elif not is_new:
            self.counts["repeated"] += 1

    def add_request(self, line: bytes) -> None:
        """Take one line of a file of requests, whose rows are kept if they have labels."""
        try:
            record = json.loads(line)
            event = record["eventMetadata"]
            identity, answered = str(event["eventId"]), datetime.fromisoformat(event["inferenceTime"])
            answered = answered if answered.tzinfo else answered.replace(tzinfo=UTC)
            given = json.loads(record["captureData"]["endpointInput"]["data"])
            table = given.get("dataframe_split")
            rows = table["data"] if table else given["instances"]
        except (ValueError, KeyError, TypeError, AttributeError):
            self.counts["broken payload"] += 1
            return
        if not self._begin <= answered < self._end:
            return
        labels = self.of_request(identity, len(rows))
        if not labels:
            return
        if not table:
            self.counts["nameless"] += 1
            return
        names = table["columns"]
        self._keep(
            identity,
            [
                LabelledRow(f"{identity}:{at}", dict(zip(names, rows[at], strict=True)), label)
                for at, label in sorted(labels.items())
            ],
            hashlib.sha256(json.dumps(rows).encode()).digest(),
        )

    def count_broken_file(self) -> None:
        """Count a file that is not what its name says."""
        self.counts["broken file"] += 1

    def left_out(self) -> list[str]:
        """Return what does not count, each with its number; known once all requests are taken."""
        found = {**self.counts, "unknown": len(self._labels.keys() - self._matched)}
        return [f"{found[key]} {what}" for key, what in _LEFT_OUT.items() if found.get(key)]

    def said(self) -> str:
        """Return in one line how many rows have a label, and what was left out."""
        left = self.left_out()
        repeated = f"; {self.counts['repeated']} labels were given twice" if self.counts["repeated"] else ""
        return (
            f"{len(self.rows)} labelled rows" + (f"; left out: {', '.join(left)}" if left else "") + repeated
        )

    def of_request(self, identity: str, rows: int) -> dict[int, str]:
        """Return the labels of a request's rows, by place; those that disagree are counted and left out.

        Args:
            identity: Id of the request.
            rows: Number of its rows.
        """
        found: dict[int, str] = {}
        for at in range(rows):
            names = [f"{identity}:{at}", *([identity] if rows == 1 else [])]
            given = [name for name in names if name in self._labels]
            self._matched.update(given)
            said = {self._labels[name] for name in given}
            if len(said) > 1:
                self.counts["contradiction"] += len(given)
            elif said and not self._contradicted.intersection(given):
                found[at] = said.pop()
        return found

    def _keep(self, identity: str, rows: list[LabelledRow], digest: bytes) -> None:
        before = self._digests.setdefault(identity, digest)
        if identity in self._shared:
            return
        if before != digest:
            # The caller has used the id again: which of the requests is meant is not known.
            self._shared.add(identity)
            self.counts["shared"] += len(self._requests.pop(identity))
            return
        self._requests[identity] = rows


def label_of(given: Mapping[str, Any]) -> str:
    """Return the label in ground truth data, as a CSV file has it.

    Raises:
        ValueError: it is none, or more than one value.
    """
    value = given["data"]
    if isinstance(value, str) and given.get("encoding") == "JSON":
        value = json.loads(value)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, str):
        fields = next(csv.reader([value]), []) if given.get("encoding") == "CSV" else [value]
        value = fields[0].strip() if len(fields) == 1 else ""
    if value == "" or not isinstance(value, str | int | float):
        raise ValueError("no label")
    return str(value)
