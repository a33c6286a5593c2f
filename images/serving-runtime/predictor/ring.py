"""Recorded requests that wait to be pulled: bounded in rows and bytes, the oldest are dropped and counted."""

from collections import deque
from itertools import islice
from typing import Any, NamedTuple

from predictor.codec import BinaryReply

# Of an entry besides its contents.
_OVERHEAD_BYTES = 512


# Not a dataclass: to make a tuple takes half as long.
class Entry(NamedTuple):
    """One answered request."""

    sequence: int
    identity: bytes
    seconds: float
    """When it was answered, since the epoch."""
    rows: int
    given: Any
    """Its rows without excluded features: a matrix, or the JSON of a table."""
    reply: bytes | BinaryReply
    unit: bytes
    """Unit of an experiment that it belongs to; empty if it names none."""
    size: int
    """Bytes that it takes."""


class Ring:
    """Entries in order; whoever pulls them says up to where they are stored elsewhere."""

    def __init__(self, most_rows: int, most_bytes: int) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._entries: deque[Entry] = deque()
        self.rows = 0
        self.bytes = 0
        self.sequence = 0
        """Of the newest entry that there was."""
        self.dropped_rows = 0
        self.dropped_requests = 0

    def add(
        self,
        identity: bytes,
        seconds: float,
        rows: int,
        given: Any,
        reply: bytes | BinaryReply,
        unit: bytes = b"",
    ) -> None:
        """Keep a request; older ones make room for it, one that is too large is dropped itself."""
        self.sequence += 1
        length = len(given) if isinstance(given, bytes) else given.nbytes
        answer = len(reply) if isinstance(reply, bytes) else len(reply.head) + len(reply.payload)
        size = _OVERHEAD_BYTES + len(identity) + len(unit) + length + answer
        if rows > self._most_rows or size > self._most_bytes:
            self._drop(rows)
            return
        self._entries.append(Entry(self.sequence, identity, seconds, rows, given, reply, unit, size))
        self.rows += rows
        self.bytes += size
        while self.rows > self._most_rows or self.bytes > self._most_bytes:
            self._drop(self._remove().rows)

    def refuse(self, rows: int) -> None:
        """Count a request that is not kept."""
        self.sequence += 1
        self._drop(rows)

    def acknowledge(self, sequence: int) -> None:
        """Let go of entries up to a number: they are stored elsewhere."""
        while self._entries and self._entries[0].sequence <= sequence:
            self._remove()

    def first(self, limit: int, most_bytes: int) -> list[Entry]:
        """Return the oldest entries, at least one if there is any."""
        found: list[Entry] = []
        for entry in islice(self._entries, limit):
            most_bytes -= entry.size
            if most_bytes < 0 and found:
                break
            found.append(entry)
        return found

    def _remove(self) -> Entry:
        entry = self._entries.popleft()
        self.rows -= entry.rows
        self.bytes -= entry.size
        return entry

    def _drop(self, rows: int) -> None:
        self.dropped_requests += 1
        self.dropped_rows += rows
