"""The history of nights."""

import json
from dataclasses import replace
from pathlib import Path

from harness.evidence import figures, history
from harness.evidence.history import Entry
from harness.evidence.night import Fault
from tests.fixtures.nights import GREEN, PAST, RED, RUNNING


def test_a_night_is_written_once_however_often_it_is_added(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    first = history.entry(RUNNING, figures.of_night(RUNNING))
    history.add(file, first)
    entries = history.add(file, history.entry(GREEN, figures.of_night(GREEN)))
    assert [each.outcome for each in entries] == ["green"]
    assert history.read(file) == entries
    assert entries[0].figures["memory_mib"] == sum(row["proportional"] for row in GREEN.memory["up"])


def test_lines_that_cannot_be_parsed_are_left_out(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    good = json.dumps({"run": "a", "began": "b", "outcome": "green"})
    file.write_text(f'{{"run": "half\n[]\n{good}\n{{"run": "x", "unknown": 1}}\n')
    assert [each.run for each in history.read(file)] == ["a"]
    assert history.read(tmp_path / "none") == []


def test_only_the_last_nights_are_kept_in_their_order(tmp_path: Path) -> None:
    file = tmp_path / "history.jsonl"
    nights = [Entry(run=f"{number:04}", began="", outcome="green") for number in range(230)]
    file.write_text(
        "".join(json.dumps({"run": each.run, "began": "", "outcome": "green"}) + "\n" for each in nights)
    )
    entries = history.add(file, Entry(run="0100", began="", outcome="product"))
    assert len(entries) == 200
    assert entries[0].run == "0030"
    assert next(each for each in entries if each.run == "0100").outcome == "product"


def test_the_typical_value_is_the_median_of_green_nights() -> None:
    assert history.typical([], "seconds") is None
    spoilt = [
        replace(each, figures={"seconds": 9999.0}) if each.outcome != "green" else each for each in PAST
    ]
    usual = history.typical(spoilt, "seconds")
    assert usual is not None
    assert 1280 < usual < 1380


def test_nights_after_this_one_are_not_its_past() -> None:
    assert [each.run for each in history.before(PAST, "2026-11-05T02-00-00")] == [
        "2026-11-03T02-00-00",
        "2026-11-04T02-00-00",
    ]


def test_the_outcome_is_one_word() -> None:
    assert history.outcome(GREEN) == "green"
    assert history.outcome(RED) == "product"
    assert history.outcome(replace(RED, stopped_by="SIGINT")) == "stopped"
    assert history.outcome(RUNNING) == "unfinished"
    infra = GREEN.with_phase(replace(RED.phase("verify"), fault=Fault.INFRA))
    assert history.outcome(infra) == "infra"
