"""The record of a night on disk: its page, JSON and JUnit, rewritten after every change."""

import shutil
import time
from dataclasses import replace
from pathlib import Path

from harness.evidence import figures, history, junit, night, page
from harness.evidence.night import Night, Phase
from harness.night.phases import INSTANCE
from upstream.cache import cache_root, link_atomically, write_atomically

_RUNS_KEPT = 30


def reports() -> Path:
    """Return the folder of all nights: one folder each, `latest`, and their history."""
    return cache_root() / "reports" / INSTANCE


class Journal:
    """The record of a running night; every change is on disk before anything else happens."""

    def __init__(self, folder: Path, begun: Night) -> None:
        """Begin a record in a folder of its own."""
        self.folder = folder
        self.night = begun
        self._clock = time.monotonic()
        self._history = folder.parent / "history.jsonl"
        folder.mkdir(parents=True, exist_ok=True)

    @property
    def seconds(self) -> float:
        """Seconds since the night began."""
        return round(time.monotonic() - self._clock, 2)

    def write(self, changed: Night) -> None:
        """Write a changed record, and the page, JSON and JUnit made from it."""
        self.night = replace(changed, seconds=self.seconds)
        publish(self.folder, self.night, self._history)

    def write_phase(self, changed: Phase) -> None:
        """Write a changed phase."""
        self.write(self.night.with_phase(changed))


def publish(folder: Path, record: Night, past: Path) -> None:
    """Write the files of a night; the JSON last, so that the page is never older than it."""
    entries = history.read(past)
    if record.finished:
        entries = history.add(past, history.entry(record, figures.of_night(record)))
    write_atomically(folder / "index.html", page.render(record, history.before(entries, record.run)))
    write_atomically(folder / "junit.xml", junit.render(record))
    night.write(record, folder / "evidence.json")
    link_atomically(folder.parent / "latest", folder.name)


def close_unfinished(folder: Path) -> list[str]:
    """Finish the records of nights that were killed, and return their ids; the caller must hold the lock."""
    closed: list[str] = []
    for file in sorted(folder.glob("*/evidence.json")):
        left = night.read(file)
        if left is None or left.finished or file.parent.is_symlink():
            continue
        publish(file.parent, night.interrupted(left, "killed"), folder / "history.jsonl")
        closed.append(left.run)
    return closed


def delete_old(folder: Path) -> None:
    """Delete all but the latest nights."""
    runs = sorted(path for path in folder.iterdir() if path.is_dir() and not path.is_symlink())
    for old in runs[:-_RUNS_KEPT]:
        shutil.rmtree(old)
