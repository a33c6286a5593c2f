"""The gate, within the gateway's Traefik: who sends a request, and whether RBAC allows it."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

from workloads.contract import TOKEN_AUDIENCE

USER: Final = "X-Remote-User"
"""Header with the name of whoever sends a request."""
SHARE: Final = "X-Plinth-Share"
"""Header by which the gateway counts the requests that somebody has in flight."""
HEADERS: Final = ("Authorization", "Cookie", USER, "X-Remote-Groups", SHARE)
"""Headers that the gate alone sets: what a client sends of them reaches no server."""
# Of a cluster of `python -m cluster`, of EKS, and of kind: MLflow's own client sends such a token.
AUDIENCE_OF_PODS: Final = ("https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local")
FOLDER: Final = "/etc/traefik/gate"
"""Folder of `FILE`."""
FILE: Final = "gate.json"


def address(folder: str = FOLDER) -> str:
    """Return where Traefik asks the gate, which reads its file in a folder: within its own process."""
    return f"gate://{folder}/{FILE}"


def rules() -> list[PolicyRuleArgsDict]:
    """Return the gate's rights: it asks the API who somebody is and what somebody may do."""
    return [
        {"api_groups": ["authentication.k8s.io"], "resources": ["tokenreviews"], "verbs": ["create"]},
        {"api_groups": ["authorization.k8s.io"], "resources": ["subjectaccessreviews"], "verbs": ["create"]},
    ]


def content(
    *,
    domain: str,
    routes: Sequence[Mapping[str, Any]],
    login: Mapping[str, Mapping[str, Any]],
) -> dict[str, Any]:
    """Return what the gate reads: whom it knows, and what each host asks for.

    Args:
        domain: parent domain of every host of the platform.
        routes: what each host asks for; of `Access.route`.
        login: of `login.known_to_gate`.

    Raises:
        ValueError: there are no routes.
    """
    if not routes:
        raise ValueError("routes: none given; a gate without routes refuses every request")
    return {
        "domain": domain,
        "audiences": [TOKEN_AUDIENCE, *AUDIENCE_OF_PODS],
        "routes": [*routes],
        **login,
    }
