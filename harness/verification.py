"""pytest plugin of `make verify`: a line per promise as it is tested, then a table with figures, and JSON.

A promise is what one journey asserts. Journeys record figures with pytest's `record_property(name, value)`.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from terminal.progress import Progress

_REASON_CHARACTERS = 2000
_MARKS = {"passed": "pass", "failed": "FAIL", "skipped": "skipped", "upstream": "upstream"}
_LEGEND = (
    "A promise is what one journey asserts about the platform; indented lines are figures that it measured."
)


@dataclass
class Verdict:
    """Result of one journey: the promise, its outcome and the figures measured."""

    promise: str
    outcome: str
    seconds: float
    figures: dict[str, object] = field(default_factory=dict)
    reason: str = ""
    """Why it did not pass."""


class Verification:
    """Collects the verdict of every journey of a pytest run and prints each as it is known."""

    def __init__(self, report: Path, progress: Progress | None = None) -> None:
        """Prepare to write the JSON report to a file, and lines to a progress."""
        self._report = report
        self._progress = progress or Progress("verify")
        self._collected = 0
        self.verdicts: list[Verdict] = []

    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """Count the journeys."""
        self._collected = len(session.items)

    def pytest_runtest_logstart(self, nodeid: str) -> None:
        """Show which journey is running."""
        self._progress.status(f"{len(self.verdicts)}/{self._collected} {_promise(nodeid)}")

    @pytest.hookimpl(tryfirst=True)
    def pytest_report_teststatus(self, report: pytest.TestReport) -> tuple[str, str, str] | None:
        """Suppress pytest's dots, but leave its summary's counts unchanged."""
        if report.when == "call" or report.skipped:
            return report.outcome, "", report.outcome.upper()
        return ("error", "", "ERROR") if report.failed else None

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Record the call phase of each test, and set-ups or tear-downs that did not pass."""
        if report.when != "call" and report.passed:
            return
        figures = {key: value for key, value in report.user_properties}
        # An expected failure is a fault of upstream, whose issue is the reason.
        fault = getattr(report, "wasxfail", "") if report.skipped else ""
        outcome, reason = ("upstream", fault) if fault else (report.outcome, _reason(report))
        verdict = Verdict(_promise(report.nodeid), outcome, report.duration, figures, reason)
        self.verdicts.append(verdict)
        count = f"{len(self.verdicts)}/{self._collected}"
        why = f": {verdict.reason.splitlines()[0]}" if verdict.reason else ""
        mark = _MARKS[verdict.outcome]
        self._progress.line(f"{mark} in {verdict.seconds:.1f} s: {verdict.promise}{why}", count)

    def pytest_sessionfinish(self) -> None:
        """Write the JSON report, also if the run stops at the first failure."""
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
    """Return the lines of the table: a legend, then one line per promise and one indented line per figure."""
    lines: list[str] = [_LEGEND]
    for verdict in verdicts:
        lines.append(f"{_MARKS[verdict.outcome]:8}{verdict.seconds:7.1f} s  {verdict.promise}")
        lines.extend(f"{'':19}{name} = {value}" for name, value in verdict.figures.items())
    return lines


def _promise(nodeid: str) -> str:
    return nodeid.split("::", 1)[-1].removeprefix("test_").replace("_", " ")


def _reason(report: pytest.TestReport) -> str:
    """Return the reason of a failure or a skip; empty if the test passed."""
    if report.passed:
        return ""
    crash = getattr(report.longrepr, "reprcrash", None)
    if crash is not None:
        return str(crash.message)[:_REASON_CHARACTERS]
    # A skip is a tuple of file, line and reason; everything else is text.
    reason = report.longrepr[-1] if isinstance(report.longrepr, tuple) else report.longrepr
    return str(reason or "no reason given")[:_REASON_CHARACTERS]
