"""The table of promises."""

import io
import json
from pathlib import Path

import pytest

from harness.verification import Verdict, Verification, table
from terminal.progress import Progress

pytestmark = pytest.mark.unit


def report(outcome: str, when: str = "call") -> pytest.TestReport:
    return pytest.TestReport(
        nodeid="tests/e2e/test_chain.py::test_every_class_is_equal",
        location=("tests/e2e/test_chain.py", 1, "test_every_class_is_equal"),
        keywords={},
        outcome=outcome,  # pyright: ignore[reportArgumentType]
        longrepr=None,
        when=when,  # pyright: ignore[reportArgumentType]
        duration=1.5,
        user_properties=[("rows compared", 45)],
    )


def test_the_table_shows_the_promise_and_its_figures() -> None:
    legend, *lines = table([Verdict("every class is equal", "failed", 1.5, {"rows compared": 45})])
    assert legend.startswith("A promise is what one journey asserts")
    assert lines == ["FAIL        1.5 s  every class is equal", f"{'':19}rows compared = 45"]


def test_a_failed_set_up_counts_and_a_passed_one_does_not(tmp_path: Path) -> None:
    verification = Verification(tmp_path / "reports" / "verify.json")
    verification.pytest_runtest_logreport(report("passed", "setup"))
    verification.pytest_runtest_logreport(report("failed", "setup"))
    verification.pytest_runtest_logreport(report("passed"))
    verification.pytest_sessionfinish()
    written = json.loads((tmp_path / "reports" / "verify.json").read_text())
    assert [verdict["outcome"] for verdict in written["verdicts"]] == ["failed", "passed"]
    assert written["verdicts"][1]["figures"] == {"rows compared": 45}


def test_each_verdict_is_printed_with_its_reason_as_it_is_known(tmp_path: Path) -> None:
    stream = io.StringIO()
    verification = Verification(tmp_path / "verify.json", Progress("verify", stream, clock=lambda: 0.0))
    failed = report("failed")
    failed.longrepr = "class_1 instead of class_2\nmore"
    verification.pytest_runtest_logreport(report("passed"))
    verification.pytest_runtest_logreport(failed)
    assert stream.getvalue().splitlines() == [
        "[verify 1/0, 0 s] pass in 1.5 s: every class is equal",
        "[verify 2/0, 0 s] FAIL in 1.5 s: every class is equal: class_1 instead of class_2",
    ]
    assert [verdict.reason for verdict in verification.verdicts] == ["", "class_1 instead of class_2\nmore"]


def test_a_skip_has_its_reason(tmp_path: Path) -> None:
    verification = Verification(tmp_path / "verify.json", Progress("verify", io.StringIO()))
    skipped = report("skipped", "setup")
    skipped.longrepr = ("test_chain.py", 3, "Skipped: no GPU")
    verification.pytest_runtest_logreport(skipped)
    assert verification.verdicts[0].reason == "Skipped: no GPU"
