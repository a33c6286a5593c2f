"""Progress: lines for a log, and a last line for a terminal."""

import io

from harness.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_gets_lines_only() -> None:
    stream = io.StringIO()
    progress = Progress("verify", stream, clock=lambda: 3.0)
    progress.status("at work")
    progress.line("kept: a row", "1/5")
    progress.clear()
    assert stream.getvalue() == "[verify 1/5, 0 s] kept: a row\n"


def test_a_terminal_also_gets_a_last_line_that_fits_and_goes_away() -> None:
    stream = Terminal()
    progress = Progress("verify", stream, clock=lambda: 3.0)
    progress.status("x" * 200)
    progress.line("kept")
    shown = stream.getvalue().split("\r\x1b[K")
    assert len(shown[1]) == 79
    assert shown[2] == "[verify, 0 s] kept\n"
