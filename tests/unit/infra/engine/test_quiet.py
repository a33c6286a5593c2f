from typing import Any

import pulumi
import pytest

from infra.engine import quiet


class RecordingEngine:
    """Takes the place of the engine and records the messages that a program sends to it."""

    def __init__(self) -> None:
        self.messages: list[str] = []

    def Log(self, request: Any) -> None:  # noqa: N802 - named by the protocol
        self.messages.append(request.message)


def test_debug_messages_are_dropped_and_others_still_reach_the_engine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine = RecordingEngine()
    monkeypatch.setattr(pulumi.log, "get_engine", lambda: engine)
    # Restored afterwards: all programs of this process share it.
    monkeypatch.setattr(pulumi.log, "debug", pulumi.log.debug)
    quiet.drop_debug_messages()
    pulumi.log.debug("debug")
    pulumi.log.info("information")
    assert engine.messages == ["information"]
