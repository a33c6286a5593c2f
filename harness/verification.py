"""pytest plugin of `make verify`: a line as each promise is judged, then a table with figures, and JSON.

A journey states a figure with pytest's own `record_property(name, value)`; the name says what was asserted.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from harness.progress import Progress

_REASON_CHARACTERS = 2000
_MARKS = {"passed": "kept", "failed": "BROKEN", "skipped": "skipped"}


@dataclass
class Verdict:
    """One journey: what it promised, whether that held, and the figures it asserted."""

    promise: str
    outcome: str
    seconds: float
    figures: dict[str, object] = field(default_factory=dict)
    reason: str = ""
    """Why it is not kept."""


class Verification:
    """Collects the verdict of every journey of one pytest run, and tells each as it comes."""

    def __init__(self, report: Path, progress: Progress | None = None) -> None:
        """Remember where the JSON report goes, and where lines are shown."""
        self._report = report
        self._progress = progress or Progress("verify")
        self._collected = 0
        self.verdicts: list[Verdict] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Learn how many journeys there are."""
        self._collected = len(session.items)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show which journey is under way."""
        self._progress.status(f"{len(self.verdicts)}/{self._collected} {_promise(nodeid)}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Keep pytest's dots out of the lines; it counts what its summary tells as it would."""
        if report.when == "call" or report.skipped:
            return report.outcome, "", report.outcome.upper()
        return ("error", "", "ERROR") if report.failed else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the call phase of each test, and set-ups or tear-downs that did not pass."""
        if report.when != "call" and report.passed:
            return
        figures = {key: value for key, value in report.user_properties}
        verdict = Verdict(_promise(report.nodeid), report.outcome, report.duration, figures, _reason(report))
        self.verdicts.append(verdict)
        count = f"{len(self.verdicts)}/{self._collected}"
        why = f": {verdict.reason.splitlines()[0]}" if verdict.reason else ""
        mark = _MARKS[verdict.outcome]
        self._progress.line(f"{mark} in {verdict.seconds:.1f} s: {verdict.promise}{why}", count)

    def pytest_sessionfinish(self) -> None:
        """Write the JSON report, also when the run stops at a broken promise."""
        self._progress.clear()
        self._report.parent.mkdir(parents=True, exist_ok=True)
        document = {
            "at": datetime.now(UTC).isoformat(timespec="seconds"),
            "verdicts": [asdict(verdict) for verdict in self.verdicts],
        }
        self._report.write_text(json.dumps(document, indent=2, default=str) + "\n")

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print the table."""
        terminalreporter.section("promises")
        for line in table(self.verdicts):
            terminalreporter.write_line(line)
        terminalreporter.write_line(f"report: {self._report}")


def table(verdicts: list[Verdict]) -> list[str]:
    """Return the lines of the table: one per promise, then one indented line per figure."""
    lines: list[str] = []
    for verdict in verdicts:
        lines.append(f"{_MARKS[verdict.outcome]:8}{verdict.seconds:7.1f} s  {verdict.promise}")
        lines.extend(f"{'':19}{name} = {value}" for name, value in verdict.figures.items())
    return lines


def _promise(nodeid: str) -> str:
    return nodeid.split("::", 1)[-1].removeprefix("test_").replace("_", " ")


def _reason(report: pytest.TestReport) -> str:
    """Return what a test says of its failure, or why it was skipped; empty if it passed."""
    if report.passed:
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)[:_REASON_CHARACTERS]
    # A skip says where and why; the rest is text.
    told = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(told or "it said nothing")[:_REASON_CHARACTERS]
