"""Recorded requests that wait to be pulled: bounded in rows and bytes, the oldest are dropped and counted."""

from collections import deque
from dataclasses import dataclass
from itertools import islice
from typing import Any

from predictor.codec import BinaryReply

# Of an entry besides its contents.
_OVERHEAD_BYTES = 512


# Not frozen: setting the fields of a frozen one takes three times as long.
@dataclass(kw_only=True, slots=True)
class Entry:
    """One answered request."""

    sequence: int
    identity: bytes
    seconds: float
    """When it was answered, since the epoch."""
    rows: int
    given: Any
    """Its rows without excluded features: a matrix, or the JSON of a table."""
    reply: bytes | BinaryReply
    unit: bytes = b""
    """Unit of an experiment that it belongs to; empty if it names none."""

    @property
    def size(self) -> int:
        """Bytes that it takes."""
        given = len(self.given) if isinstance(self.given, bytes) else int(self.given.nbytes)
        binary = isinstance(self.reply, BinaryReply)
        reply = len(self.reply.head) + len(self.reply.payload) if binary else len(self.reply)  # pyright: ignore
        return _OVERHEAD_BYTES + len(self.identity) + len(self.unit) + given + reply


class Ring:
    """Entries in order; whoever pulls them says up to where they are stored elsewhere."""

    def __init__(self, most_rows: int, most_bytes: int) -> None:
        self._most_rows = most_rows
        self._most_bytes = most_bytes
        self._entries: deque[tuple[Entry, int]] = deque()
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
        entry = Entry(
            sequence=self.sequence,
            identity=identity,
            seconds=seconds,
            rows=rows,
            given=given,
            reply=reply,
            unit=unit,
        )
        size = entry.size
        if rows > self._most_rows or size > self._most_bytes:
            self._drop(rows)
            return
        self._entries.append((entry, size))
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
        while self._entries and self._entries[0][0].sequence <= sequence:
            self._remove()

    def first(self, limit: int, most_bytes: int) -> list[Entry]:
        """Return the oldest entries, at least one if there is any."""
        found: list[Entry] = []
        for entry, size in islice(self._entries, limit):
            most_bytes -= size
            if most_bytes < 0 and found:
                break
            found.append(entry)
        return found

    def _remove(self) -> Entry:
        entry, size = self._entries.popleft()
        self.rows -= entry.rows
        self.bytes -= size
        return entry

    def _drop(self, rows: int) -> None:
        self.dropped_requests += 1
        self.dropped_rows += rows
