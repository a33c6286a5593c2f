"""Traefik's middlewares in front of every route: the gate, and a bound on what one user has in flight."""

from typing import Any, Final

from components.access.gate import HEADERS, SHARE, USER
from components.access.roles import MANY

_GATE: Final = "gate"
_IN_FLIGHT: Final = "in-flight"
# A refusal is one line. Traefik allocates as much for every request.
_ANSWER_BYTES: Final = 4096
# Traefik sets it on every request, to its own name: the same for everybody, and nobody's to choose.
_OF_ALL: Final = "X-Forwarded-Server"


def names(*, guarded: bool) -> list[str]:
    """Return the middlewares of the entry point, in their order: strangers are refused before they count."""
    return [f"{each}@file" for each in ([_GATE, _IN_FLIGHT] if guarded else [_IN_FLIGHT])]


def content(gate: str | None, in_flight: int) -> dict[str, Any]:
    """Return the middlewares by name.

    Args:
        gate: address at which Traefik asks about every request, if there is a gate.
        in_flight: requests that one user may have in flight at one path of a route; Traefik answers further
            ones with 429.
    """
    limited = {_IN_FLIGHT: {"inFlightReq": _bound(in_flight, shared=gate is None)}}
    guards = {_GATE: {"forwardAuth": _forward(gate)}} if gate else {}
    return {**guards, **limited}


def _forward(gate: str) -> dict[str, Any]:
    """Return how Traefik asks the gate.

    Traefik drops each of the headers from a request and takes the gate's, where the gate answers with one.
    """
    return {
        "address": gate,
        "trustForwardHeader": False,
        "authResponseHeaders": [*HEADERS],
        # Whom the log names.
        "headerField": USER,
        "maxResponseBodySize": _ANSWER_BYTES,
    }


def _bound(in_flight: int, *, shared: bool) -> dict[str, Any]:
    """Return the bound; Traefik counts for each path of each route, by what a header says.

    Not by host: who writes it in another way, or with a port, would be counted anew.
    """
    header, amount = (_OF_ALL, in_flight * MANY) if shared else (SHARE, in_flight)
    return {"amount": amount, "sourceCriterion": {"requestHeaderName": header}}
