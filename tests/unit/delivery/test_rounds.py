"""Rounds: they go on after a fault, rest as long as they must, and say a thing once."""

import logging
import threading
from collections.abc import Callable

import pytest

from delivery import rounds
from delivery.rounds import Rounds


class _Looks(Rounds):
    name = "looks"
    subject = "look"
    interval = 10.0

    def __init__(self, look: Callable[[], None]) -> None:
        super().__init__()
        self._look = look
        self.text = ""

    def round(self) -> None:
        self._look()

    def say(self, whose: str, what: str) -> None:
        self._say(whose, what)

    def forget_others(self, *known: str) -> None:
        self._forget_others(known)


class _Ended(threading.Event):
    """Ends after the first rest, and knows how long that was to be."""

    rests: float | None = 0.0

    def wait(self, timeout: float | None = None) -> bool:
        self.rests = timeout
        self.set()
        return True


def test_a_round_that_fails_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    def fail() -> None:
        raise OSError

    ended = _Ended()
    _Looks(fail).run(ended)
    assert "looks: this round was left out" in caplog.messages
    assert ended.rests == 10


@pytest.mark.parametrize(("share", "rests"), [(None, 10), (0.5, 10), (0.1, 30)])
def test_a_round_that_took_long_is_followed_by_a_longer_rest(
    monkeypatch: pytest.MonkeyPatch, share: float | None, rests: float
) -> None:
    seconds = iter([100.0, 103.0])
    monkeypatch.setattr(rounds.time, "thread_time", lambda: next(seconds))
    monkeypatch.setattr(_Looks, "share_of_time", share)
    ended = _Ended()
    _Looks(lambda: None).run(ended)
    assert ended.rests == pytest.approx(rests)


def test_what_is_wrong_is_said_once_and_again_if_it_changes_or_comes_back(
    caplog: pytest.LogCaptureFixture,
) -> None:
    looks = _Looks(lambda: None)
    with caplog.at_level(logging.WARNING):
        for what in ("away", "away", "", "away"):
            looks.say("a", what)
        looks.say("b", "away")
        looks.forget_others("b")
        looks.say("a", "away")
        looks.say("b", "away")
    assert caplog.messages == [f"look of {each}: away" for each in ("a", "a", "b", "a")]
