"""Reads the engine's event log: a summary of a run, and progress lines during it."""

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_COLOR = re.compile(r"<\{%[^%]*%\}>")
_STACK = "pulumi:pulumi:Stack"
# The Kubernetes provider's message when it retries a failed operation.
_RETRY = re.compile(r"\bRetry #\d+")
# A component whose objects are all done counts as done after this long without an event.
_QUIET_SECONDS = 3
_UNCHANGED = {"same", "read", "refresh"}


@dataclass(frozen=True, kw_only=True)
class Summary:
    """Result of one run of the engine."""

    changes: dict[str, int]
    """Resources by operation: create, update, delete, replace, same."""
    failed: tuple[str, ...]
    """Names of the resources whose operation failed."""
    retried: tuple[str, ...]
    """Operations that the provider retried, one line each."""
    errors: tuple[str, ...]
    """Error messages of the engine."""
    seconds: float
    finished: bool
    """Whether the log ends with the engine's summary; the log of an interrupted run does not."""

    @property
    def changed(self) -> int:
        """Number of resources that the run changed."""
        return sum(count for operation, count in self.changes.items() if operation not in _UNCHANGED)

    def text(self) -> str:
        """Return the summary as one line."""
        parts = [f"{count} {operation}" for operation, count in sorted(self.changes.items()) if count]
        return (
            f"{self.changed} changes ({', '.join(parts) or 'no resources'}), "
            f"{len(self.failed)} failed, {len(self.retried)} retried, {self.seconds:.1f} s"
        )


@dataclass
class Progress:
    """Turns events into progress lines: one per finished top-level component and one per problem."""

    _roots: dict[str, str] = field(default_factory=dict[str, str])
    _open: Counter[str] = field(default_factory=Counter[str])
    _counts: Counter[str] = field(default_factory=Counter[str])
    _changes: Counter[str] = field(default_factory=Counter[str])
    _complete: set[str] = field(default_factory=set[str])
    _begun: dict[str, int] = field(default_factory=dict[str, int])
    _last: dict[str, int] = field(default_factory=dict[str, int])

    def lines(self, event: dict[str, Any]) -> Iterator[str]:
        """Yield the progress lines that follow from an event."""
        moment = int(event.get("timestamp", 0))
        yield from self._finished(moment - _QUIET_SECONDS if "summaryEvent" not in event else moment)
        if "resourcePreEvent" in event and not _is_look(event["resourcePreEvent"]):
            self._begin(event["resourcePreEvent"]["metadata"], moment)
        elif "resOutputsEvent" in event and not _is_look(event["resOutputsEvent"]):
            self._end(event["resOutputsEvent"]["metadata"], moment)
        elif "resOpFailedEvent" in event:
            metadata = event["resOpFailedEvent"]["metadata"]
            yield f"  {name_of(metadata['urn'])}: {metadata['op']} failed"
        elif "diagnosticEvent" in event and _RETRY.search(event["diagnosticEvent"]["message"]):
            diagnostic = event["diagnosticEvent"]
            yield f"  {name_of(diagnostic.get('urn', ''))}: {clean(diagnostic['message'])}"

    def status(self) -> str:
        """Return a status line: the number of finished resources, and the components in progress."""
        busy = [name_of(root) for root, count in self._open.items() if count > 0]
        done = sum(self._counts.values()) - sum(self._open.values())
        return f"  {done} resources done; in progress: {', '.join(busy)}" if busy else ""

    def _begin(self, metadata: dict[str, Any], moment: int) -> None:
        urn = metadata["urn"]
        root = self._root(urn, metadata)
        self._begun.setdefault(root, moment)
        self._last[root] = moment
        if _is_object(metadata):
            self._open[root] += 1
            self._counts[root] += 1
            if metadata["op"] not in _UNCHANGED:
                self._changes[root] += 1

    def _end(self, metadata: dict[str, Any], moment: int) -> None:
        urn = metadata["urn"]
        root = self._root(urn, metadata)
        self._last[root] = moment
        if _is_object(metadata):
            self._open[root] -= 1
        elif urn == root:
            self._complete.add(root)

    def _finished(self, quiet_since: int) -> Iterator[str]:
        for root in sorted(self._complete, key=lambda each: self._last[each]):
            # No event yet, if all of its objects wait for other components.
            if self._open[root] or self._last[root] > quiet_since or not self._counts[root]:
                continue
            self._complete.remove(root)
            if f"::{_STACK}::" in root:
                continue
            seconds = self._last[root] - self._begun[root]
            count, changed = self._counts[root], self._changes[root]
            kind = root.split("::")[-2].rsplit(":", 1)[-1]
            yield f"  {kind} {name_of(root)}: {count} resources, {changed} changed, {seconds} s"

    def _root(self, urn: str, metadata: dict[str, Any]) -> str:
        """Return the top-level resource that a resource belongs to."""
        if urn not in self._roots:
            state = metadata.get("new") or metadata.get("old") or {}
            parent: str = state.get("parent") or ""
            top = not parent or f"::{_STACK}::" in parent
            self._roots[urn] = urn if top else str(self._roots.get(parent, parent))
        return self._roots[urn]


def _is_look(event: dict[str, Any]) -> bool:
    """Return whether the engine only reads the resource, before the update that follows."""
    return event["metadata"]["op"] == "refresh"


def _is_object(metadata: dict[str, Any]) -> bool:
    """Return whether this is an object in the cluster, and not a component, which only groups objects."""
    state: dict[str, Any] = metadata.get("new") or metadata.get("old") or {}
    return bool(state.get("custom"))


def name_of(urn: str) -> str:
    """Return the Pulumi name in a URN."""
    return urn.rsplit("::", 1)[-1] or "stack"


def clean(message: str) -> str:
    """Return a message on one line, without the engine's color markup."""
    return " ".join(_COLOR.sub("", message).split())


def read(log: Path) -> Iterator[dict[str, Any]]:
    """Yield the events of a log, without the half-written last line that a killed engine leaves."""
    if not log.is_file():
        return
    for line in log.read_text().splitlines():
        try:
            yield json.loads(line)
        except ValueError:
            return


def summarise(events: Iterable[dict[str, Any]]) -> Summary:
    """Return the summary of a run of the engine."""
    changes: dict[str, int] = {}
    failed: list[str] = []
    retried: list[str] = []
    errors: list[str] = []
    seconds, finished = 0.0, False
    for event in events:
        if "resOpFailedEvent" in event:
            failed.append(name_of(event["resOpFailedEvent"]["metadata"]["urn"]))
        elif "diagnosticEvent" in event:
            diagnostic = event["diagnosticEvent"]
            message = clean(diagnostic["message"])
            if _RETRY.search(message):
                retried.append(f"{name_of(diagnostic.get('urn', ''))}: {message}")
            elif diagnostic["severity"] == "error" and message:
                errors.append(message)
        elif "summaryEvent" in event:
            summary = event["summaryEvent"]
            changes = dict(summary.get("resourceChanges") or {})
            seconds, finished = float(summary.get("durationSeconds", 0)), True
    return Summary(
        changes=changes,
        failed=tuple(failed),
        retried=tuple(retried),
        errors=tuple(errors),
        seconds=seconds,
        finished=finished,
    )
