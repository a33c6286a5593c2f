from typing import Any

from components.access import middlewares
from components.access.gate import HEADERS, SHARE, address


def rendered(gate: str | None, in_flight: int = 32) -> dict[str, Any]:
    return middlewares.content(gate, in_flight)


def test_with_a_gate_each_user_has_a_bound_that_only_the_gate_counts() -> None:
    made = rendered(address())
    assert made["in-flight"]["inFlightReq"] == {"amount": 32, "sourceCriterion": {"requestHeaderName": SHARE}}
    # What a client sends of the header is dropped: nobody counts as somebody else.
    assert SHARE in made["gate"]["forwardAuth"]["authResponseHeaders"]
    assert made["gate"]["forwardAuth"]["authResponseHeaders"] == [*HEADERS]
    assert made["gate"]["forwardAuth"]["address"] == address()


def test_without_a_gate_all_share_a_bound_that_no_client_can_leave() -> None:
    made = rendered(None, 10)
    assert made.keys() == {"in-flight"}
    # Traefik sets it itself; a host could be written in many ways.
    assert made["in-flight"]["inFlightReq"] == {
        "amount": 80,
        "sourceCriterion": {"requestHeaderName": "X-Forwarded-Server"},
    }


def test_strangers_are_refused_before_they_count() -> None:
    assert middlewares.names(guarded=True) == ["gate@file", "in-flight@file"]
    assert middlewares.names(guarded=False) == ["in-flight@file"]
    for gate in (address(), None):
        named = {each.partition("@")[0] for each in middlewares.names(guarded=gate is not None)}
        assert named == rendered(gate).keys()
