import io

from loadtests.measurements import Observation
from loadtests.progress import RunProgress, line

SEEN = [Observation("ask", 0, second, second, second + 0.01) for second in (0.1, 7.5, 8.0, 9.0)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_covers_the_last_seconds_alone() -> None:
    seen = [*SEEN, Observation("ask", 0, 9.5, 9.5, 9.9, "HTTP 503")]
    text = line("mine", 10.0, 30.0, 100.0, seen, 4)
    assert text == ("mine    10 of 30 s  due 100/s  good 1/s  p50 10.0  p99 400.0 ms  not good 1  waiting 4")


def test_a_terminal_has_one_line_that_changes() -> None:
    stream = Terminal()
    progress = RunProgress(stream, "mine", 30)
    for second in (1.0, 2.0, 3.0):
        progress.show(second, 10, SEEN, 0)
    progress.end()
    assert stream.getvalue().count("\r\x1b[K") == 4
    assert "\n" not in stream.getvalue()


def test_a_log_has_a_plain_line_every_few_seconds() -> None:
    stream = io.StringIO()
    progress = RunProgress(stream, "mine", 30)
    for second in range(1, 12):
        progress.show(float(second), 10, SEEN, 0)
    progress.end()
    lines = stream.getvalue().splitlines()
    assert [text.split()[1] for text in lines] == ["1", "6", "11"]
    assert "\x1b" not in stream.getvalue()
