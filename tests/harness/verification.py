"""pytest plugin of `make verify`: a table of what was asserted, with figures, and the same as JSON.

A journey states a figure with pytest's own `record_property(name, value)`; the name says what was asserted.
"""

import json
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest


@dataclass
class Verdict:
    """One journey: what it promised, whether that held, and the figures it asserted."""

    promise: str
    outcome: str
    seconds: float
    figures: dict[str, object] = field(default_factory=dict)


class Verification:
    """Collects the verdict of every journey of one pytest run."""

    def __init__(self, report: Path) -> None:
        """Remember where the JSON report goes."""
        self._report = report
        self.verdicts: list[Verdict] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the call phase of each test, and set-ups or tear-downs that did not pass."""
        if report.when != "call" and report.passed:
            return
        name = report.nodeid.split("::", 1)[-1].removeprefix("test_").replace("_", " ")
        figures = {key: value for key, value in report.user_properties}
        self.verdicts.append(Verdict(name, report.outcome, report.duration, figures))

    def pytest_sessionfinish(self) -> None:
        """Write the JSON report, also when the run stops at a broken promise."""
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
        mark = {"passed": "kept", "failed": "BROKEN", "skipped": "skipped"}[verdict.outcome]
        lines.append(f"{mark:8}{verdict.seconds:7.1f} s  {verdict.promise}")
        lines.extend(f"{'':19}{name} = {value}" for name, value in verdict.figures.items())
    return lines
