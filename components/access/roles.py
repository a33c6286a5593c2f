"""What a host of the gateway asks for in terms of RBAC, and the roles that grant it.

The resources, but for rollouts, are names for the gate alone: no Kubernetes API serves them, so that whoever
holds such a right can do nothing with it but send requests through the gateway.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from workloads.contract import ROLLOUT_API, ROLLOUTS

PIPELINES: Final = "pipelines.kubeflow.org"
TRACKING: Final = "mlflow.kubeflow.org"
MODELS: Final = "serving.kserve.io"
ROLLOUT_GROUP: Final = ROLLOUT_API[0]
PLATFORM: Final = "plinth.dev"
"""Group of what has no group of its own, such as metrics."""
MANY: Final = 8
"""Shares of the gateway's bound that one user has where hundreds of requests in flight are usual."""
_PREDICTIONS: Final = "inferenceservices/predictions"
PROMOTIONS: Final = "registered-models/alias"
"""Resource of aliases of models: a right of its own among those of MLflow."""
TRACKED: Final = (
    *("artifacts", "datasets", "demo", "experiments", "gateway", "gateway-proxy", "genai"),
    *("get-online-trace-details", "get-trace-artifact", "issues", "jobs", "label-schemas", "logged-models"),
    *("metrics", "model-versions", "prompt-optimization", "registered-models", "review-queues", "runs"),
    *("scorer", "scorers", "server-info", "traces", "ui-telemetry", "unified-traces", "upload-artifact"),
    *("webhooks", "workspaces"),
)
"""All other resources of MLflow, which are first segments of paths of its API: RBAC knows no exceptions."""
_READ: Final = ["get", "list", "watch"]
APPROVE: Final = "approve"
"""Verb that no request has: whoever holds it for a rollout may approve one that somebody else asks for."""
_WRITE: Final = ["get", "create", "update", "delete"]


class Role(StrEnum):
    """A ClusterRole of the platform; bound in a namespace, it is for what is published from there."""

    MEMBER = "plinth:member"
    VIEWER = "plinth:viewer"
    CALLER = "plinth:caller"
    """Calls models, and nothing else."""
    PROMOTER = "plinth:promoter"
    """Says which version of a model is `champion`, or has another alias."""


@dataclass(frozen=True, kw_only=True)
class Access:
    """What a request to a host asks for."""

    group: str
    """API group; empty in `OPEN` alone."""
    resource: str = ""
    subresource: str = ""
    resource_in: str = ""
    """Pattern of paths whose first group is the resource."""
    reads: tuple[str, ...] = ()
    """Patterns of paths that only read, whatever their method is."""
    localhost: tuple[str, ...] = ()
    """Paths of `http://localhost` that lead here too, each with everything below it."""
    shares: int = 1
    """How many times the gateway's bound one user may have in flight here."""

    @property
    def open(self) -> bool:
        """Whether the gate lets every request pass."""
        return self == OPEN

    def route(self, *, host: str, namespace: str) -> dict[str, Any]:
        """Return the gate's entry for a host; `MODEL` and a suffix stand for the hosts of all models."""
        name = {"suffix": host.removeprefix("MODEL")} if host.startswith("MODEL") else {"host": host}
        if self.open:
            return {**name, "open": True, "shares": self.shares}
        known = {
            "namespace": namespace,
            "group": self.group,
            "resource": self.resource,
            "subresource": self.subresource,
            "resourceIn": self.resource_in,
            "reads": [*self.reads],
            "localhost": [*self.localhost],
            "shares": self.shares,
        }
        return {**name, **{key: value for key, value in known.items() if value}}


OPEN: Final = Access(group="", shares=MANY)
"""Nothing: the server behind the host verifies every request itself."""


def rules() -> Mapping[Role, Sequence[dict[str, Any]]]:
    """Return the rules of each role."""
    return {
        Role.MEMBER: [
            _rule(PIPELINES, "*", _WRITE),
            _rule(TRACKING, TRACKED, _WRITE),
            _rule(TRACKING, PROMOTIONS, ["get"]),
            _rule(MODELS, _PREDICTIONS, ["get", "create"]),
            _rule(PLATFORM, "*", _WRITE),
        ],
        Role.VIEWER: [
            _rule(PIPELINES, "*", ["get"]),
            _rule(TRACKING, "*", ["get"]),
            _rule(MODELS, _PREDICTIONS, ["get"]),
            _rule(PLATFORM, "*", ["get"]),
        ],
        Role.CALLER: [_rule(MODELS, _PREDICTIONS, ["get", "create"])],
        Role.PROMOTER: [
            _rule(TRACKING, PROMOTIONS, _WRITE),
            # Not a name for the gate: whoever has a kubeconfig asks the Kubernetes API.
            _rule(ROLLOUT_GROUP, ROLLOUTS, [*_READ, "create", "patch", APPROVE]),
        ],
    }


def _rule(group: str, resource: str | Sequence[str], verbs: Sequence[str]) -> dict[str, Any]:
    resources = [resource] if isinstance(resource, str) else [*resource]
    return {"api_groups": [group], "resources": resources, "verbs": [*verbs]}
