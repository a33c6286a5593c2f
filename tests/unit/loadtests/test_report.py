import json
from dataclasses import asdict, replace
from pathlib import Path
from xml.etree import ElementTree

from loadtests import report
from loadtests.report import LoadReport
from tests.fixtures.load_runs import RUN

SLOW = replace(RUN, profile="slow", outcome="failed", reasons=["p99 900.0 ms, maximum 100 ms"])
STARVED = replace(RUN, profile="starved", outcome="invalid", reasons=["the generator sent 1/s"])
REPORT = LoadReport(outcome="failed", reasons=[], seconds=30, runs=[RUN, SLOW, STARVED])


def test_a_run_reads_back_as_it_was_written(tmp_path: Path) -> None:
    file = tmp_path / "reports" / "load.json"
    report.write(REPORT, file)
    assert report.read_runs(file) == REPORT.runs
    document = json.loads(file.read_text())
    assert document["schema"] == report.SCHEMA
    assert (document["model"], document["saturation"], document["monitoring_mib"]) == (None, None, None)
    assert document["runs"][0]["statistics"]["p99_ms"] == 20


def test_a_field_of_a_later_release_is_ignored() -> None:
    assert report.run_from({**asdict(RUN), "weather": "fine"}) == RUN


def test_junit_distinguishes_failed_from_invalid(tmp_path: Path) -> None:
    report.write(REPORT, tmp_path / "load.json")
    suite = ElementTree.parse(tmp_path / "load.xml").getroot()  # noqa: S314 - written above
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors")) == ("3", "1", "1")
    passed, failed, invalid = suite
    assert list(passed) == []
    assert [(each.tag, each.get("message")) for each in failed] == [
        ("failure", "p99 900.0 ms, maximum 100 ms")
    ]
    assert [each.tag for each in invalid] == ["error"]


def test_the_table_has_a_row_for_each_run_and_a_line_for_each_reason() -> None:
    lines = report.table(REPORT.runs)
    assert len(lines) == 6
    assert lines[2].split()[:2] == ["slow", "failed"]
    assert lines[3].strip() == "p99 900.0 ms, maximum 100 ms"
