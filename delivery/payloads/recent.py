"""The most recent requests of each version, compressed in memory, for whoever replays them."""

import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from delivery.version import Version

_MOST_LINES: Final = 2_000
"""Of one version."""
_MOST_BYTES: Final = 512 * 1024
"""Of one version, compressed."""
_MOST_BYTES_OF_ALL: Final = 8 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Gzipped JSON lines, in the order in which their requests were answered."""

    name: str
    """Where it begins; one that is pulled again, and has grown since, takes the place of the earlier one."""
    content: bytes
    lines: int


class Recent:
    """Batches by version, the newest last; one thread pulls them, another one replays."""

    def __init__(self) -> None:
        """Begin without any."""
        self._lock = threading.Lock()
        self._batches: dict[Version, list[Batch]] = {}
        self._wanted: dict[Version, int] = {}
        self._loaded: set[Version] = set()

    def add(self, version: Version, batch: Batch) -> None:
        """Keep a batch; older ones make room for it."""
        with self._lock:
            others = [each for each in self._batches.pop(version, []) if each.name != batch.name]
            # Last in the dict: the versions without requests for the longest time are the first to go.
            self._batches[version] = _newest([*others, batch])
            while sum(map(_size, self._batches.values())) > _MOST_BYTES_OF_ALL and len(self._batches) > 1:
                del self._batches[next(iter(self._batches))]

    def of(self, version: Version, lines: int) -> Sequence[Batch] | None:
        """Return the batches of a version.

        Args:
            version: The version.
            lines: As many requests as are wanted; if there are fewer, the store is asked for more.

        Returns:
            The batches, the newest last; None if the store has to be asked first.
        """
        with self._lock:
            found = self._batches.get(version, [])
            if sum(each.lines for each in found) >= lines or version in self._loaded:
                return tuple(found)
            self._wanted[version] = lines
            return None

    def wanted(self) -> Mapping[Version, int]:
        """Return versions of which more requests are wanted, and how many."""
        with self._lock:
            return dict(self._wanted)

    def load(self, version: Version, older: Iterable[Batch]) -> None:
        """Add what the store has of a version, the newest last; nothing if it has nothing."""
        with self._lock:
            self._batches[version] = _newest([*older, *self._batches.get(version, [])])
            self._wanted.pop(version, None)
            self._loaded.add(version)

    def forget_others(self, versions: Iterable[Version]) -> None:
        """Let go of versions that are no longer deployed."""
        with self._lock:
            kept = set(versions)
            self._batches = {each: found for each, found in self._batches.items() if each in kept}
            self._wanted = {each: lines for each, lines in self._wanted.items() if each in kept}
            self._loaded &= kept


def _newest(batches: Sequence[Batch]) -> list[Batch]:
    """Return the last batches within the bounds, one at least."""
    kept: list[Batch] = []
    lines = size = 0
    for each in reversed(batches):
        lines += each.lines
        size += len(each.content)
        if kept and (lines > _MOST_LINES or size > _MOST_BYTES):
            break
        kept.append(each)
    return kept[::-1]


def _size(batches: Sequence[Batch]) -> int:
    return sum(len(each.content) for each in batches)
