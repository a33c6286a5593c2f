"""The record of a night."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from harness.evidence import night
from harness.evidence.night import Fault, State
from tests.fixtures.nights import GREEN, RED, RUNNING


@pytest.mark.parametrize("record", [GREEN, RED, RUNNING])
def test_a_written_record_is_read_back(record: night.Night, tmp_path: Path) -> None:
    night.write(record, tmp_path / "evidence.json")
    assert night.read(tmp_path / "evidence.json") == record


def test_a_damaged_record_is_none(tmp_path: Path) -> None:
    (tmp_path / "evidence.json").write_text('{"run": "x"')
    assert night.read(tmp_path / "evidence.json") is None
    assert night.read(tmp_path / "missing.json") is None


def test_a_record_from_before_there_were_stories_is_read(tmp_path: Path) -> None:
    night.write(replace(GREEN, stories=()), tmp_path / "evidence.json")
    table = json.loads((tmp_path / "evidence.json").read_text())
    del table["stories"]
    (tmp_path / "evidence.json").write_text(json.dumps(table))
    assert night.read(tmp_path / "evidence.json") == replace(GREEN, stories=())


def test_the_record_of_a_killed_night_shows_where_it_was() -> None:
    dead = night.interrupted(RUNNING, "killed")
    assert [phase.state for phase in dead.phases] == [
        State.PASSED,
        State.INTERRUPTED,
        State.SKIPPED,
        State.SKIPPED,
        State.SKIPPED,
        State.SKIPPED,
    ]
    assert dead.phase("verify").reason == "killed during verify"
    assert (dead.finished, dead.exit_code) == (True, 130)


@pytest.mark.parametrize(
    ("faults", "code"),
    [
        ((Fault.PRODUCT,), 1),
        ((Fault.INFRA,), 3),
        ((Fault.TEST,), 4),
        ((Fault.TEST, Fault.INFRA, Fault.PRODUCT), 1),
        ((Fault.TEST, Fault.INFRA), 3),
    ],
)
def test_the_exit_code_is_that_of_the_gravest_class(faults: tuple[Fault, ...], code: int) -> None:
    record = GREEN
    for phase, fault in zip(GREEN.phases, faults, strict=False):
        record = record.with_phase(replace(phase, state=State.FAILED, fault=fault))
    assert record.exit_code == code


def test_a_night_with_a_phase_not_run_is_not_green() -> None:
    assert GREEN.exit_code == 0
    skipped = GREEN.with_phase(replace(GREEN.phase("load"), state=State.SKIPPED))
    assert skipped.exit_code != 0
    assert replace(GREEN, finished=False).exit_code != 0
