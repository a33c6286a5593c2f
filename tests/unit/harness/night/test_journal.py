"""Files of a night."""

from dataclasses import replace
from pathlib import Path

import pytest

from harness.evidence import history, night
from harness.evidence.night import State
from harness.night import journal
from harness.night.journal import Journal, close_unfinished, delete_old, publish
from tests.fixtures.nights import GREEN, RUNNING


def test_every_change_is_on_disk_at_once(tmp_path: Path) -> None:
    folder = tmp_path / RUNNING.run
    record = Journal(folder, RUNNING)
    record.write_phase(replace(RUNNING.phases[0], state=State.FAILED, reason="no room"))
    on_disk = night.read(folder / "evidence.json")
    assert on_disk == record.night
    assert on_disk is not None
    assert on_disk.phases[0].reason == "no room"
    assert "no room" in (folder / "index.html").read_text()
    assert (tmp_path / "latest").resolve() == folder.resolve()


def test_only_a_finished_night_is_history(tmp_path: Path) -> None:
    past = tmp_path / "history.jsonl"
    publish(tmp_path / RUNNING.run, RUNNING, past)
    assert history.read(past) == []
    publish(tmp_path / GREEN.run, GREEN, past)
    assert [each.run for each in history.read(past)] == [GREEN.run]


def test_the_record_of_a_killed_night_is_closed_once(tmp_path: Path) -> None:
    publish(tmp_path / RUNNING.run, RUNNING, tmp_path / "history.jsonl")
    assert close_unfinished(tmp_path) == [RUNNING.run]
    closed = night.read(tmp_path / RUNNING.run / "evidence.json")
    assert closed is not None
    assert (closed.finished, closed.stopped_by) == (True, "killed")
    assert close_unfinished(tmp_path) == []


def test_the_latest_nights_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal, "_RUNS_KEPT", 2)
    for name in ("2026-01-01", "2026-01-02", "2026-01-03"):
        (tmp_path / name).mkdir()
    (tmp_path / "latest").symlink_to("2026-01-03")
    (tmp_path / "history.jsonl").touch()
    delete_old(tmp_path)
    assert {each.name for each in tmp_path.iterdir()} == {
        "2026-01-02",
        "2026-01-03",
        "latest",
        "history.jsonl",
    }


def test_nights_are_below_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    assert journal.reports() == tmp_path / "reports" / "nightly"
