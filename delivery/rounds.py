"""Rounds: a look at something again and again, in a thread of its own, that no fault ends."""

import logging
import threading
import time
from abc import ABC, abstractmethod
from collections.abc import Container
from typing import ClassVar

_LOGGER = logging.getLogger("delivery")


class Rounds(ABC):
    """Goes round until the process ends; what is wrong is logged once, and again only if it changes."""

    name: ClassVar[str]
    """What is looked at, for the log."""
    subject: ClassVar[str]
    """The same of one of them, such as an experiment of all experiments."""
    interval: ClassVar[float]
    """Seconds from one round to the next, at least."""
    share_of_time: ClassVar[float | None] = None
    """Of one processor, at most; None if rounds cost nothing that counts."""
    text: str
    """The page for Prometheus, replaced by each round."""

    def __init__(self) -> None:
        self._said: dict[object, str] = {}

    def run(self, ended: threading.Event) -> None:
        """Go round until the process ends."""
        while not ended.is_set():
            began = time.thread_time()
            try:
                self.round()
            except Exception:
                _LOGGER.exception("%s: this round was left out", self.name)
            busy = (time.thread_time() - began) / self.share_of_time if self.share_of_time else 0.0
            ended.wait(max(self.interval, busy))

    @abstractmethod
    def round(self) -> None:
        """Look once."""

    def _say(self, whose: object, what: str) -> None:
        """Log what is wrong with something, once; nothing is wrong any more if it is empty."""
        if what and self._said.get(whose) != what:
            _LOGGER.warning("%s of %s: %s", self.subject, whose, what)
        self._said[whose] = what

    def _forget_others(self, known: Container[object]) -> None:
        """Forget what was wrong with whatever is gone."""
        self._said = {each: said for each, said in self._said.items() if each in known}
