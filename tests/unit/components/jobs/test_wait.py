import itertools

import pytest

from components.jobs import wait


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace time: a nap takes as long as it says, at once."""
    now = [0.0]
    monkeypatch.setattr(wait.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(wait.time, "sleep", lambda seconds: now.__setitem__(0, now[0] + seconds))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    return now


def test_the_first_answer_is_returned() -> None:
    attempts = itertools.count()

    def call() -> str:
        if next(attempts) < 3:
            raise ConnectionError
        return "ready"

    assert wait.until_answered(call, what="it", retry_on=ConnectionError) == "ready"


def test_waiting_ends_with_the_last_answer(clock: list[float]) -> None:
    def call() -> None:
        raise ConnectionError("refused")

    with pytest.raises(wait.NotReadyError, match="the store did not answer within 5 s: refused"):
        wait.until_answered(call, what="the store", retry_on=ConnectionError, timeout_seconds=5)
    assert clock[0] == 5


def test_any_other_error_is_not_waited_for(clock: list[float]) -> None:
    def call() -> None:
        raise PermissionError

    with pytest.raises(PermissionError):
        wait.until_answered(call, what="it", retry_on=ConnectionError)
    assert clock[0] == 0
