"""Accounts of the tier's controllers: each works with the rights that its component renders."""

import base64
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from components.aws import karpenter
from components.queues import kueue_controller
from infra.parts.nodes import NAMESPACE as NODE_SCALING
from simulation.gpus.api import Api, Object

_GROUP: Final = "rbac.authorization.k8s.io"
_TOKEN_SECONDS: Final = 7200
# Names of a rule's fields in components -> in the API.
_FIELDS: Final = {"api_groups": "apiGroups", "resource_names": "resourceNames"}
KUEUE_NAMESPACE: Final = "kueue"
# Karpenter's KWOK provider creates its nodes itself: on AWS kubelets do. It has a node class of its own.
_KWOK_PROVIDER: Final[Sequence[Object]] = (
    {"apiGroups": [""], "resources": ["nodes"], "verbs": ["create"]},
    {"apiGroups": ["karpenter.kwok.sh"], "resources": ["kwoknodeclasses"], "verbs": ["get", "list", "watch"]},
    {
        "apiGroups": ["karpenter.kwok.sh"],
        "resources": ["kwoknodeclasses", "kwoknodeclasses/status"],
        "verbs": ["patch", "update"],
    },
)


@dataclass(frozen=True, kw_only=True)
class Account:
    """A service account and its rules, in the API's own form."""

    name: str
    namespace: str
    cluster: Sequence[Object]
    """Rules in every namespace, as rendered."""
    own: Sequence[Object]
    """Rules in its own namespace, as rendered."""
    simulated: Sequence[Object] = ()
    """Rules in every namespace that only the simulation needs."""

    @property
    def user(self) -> str:
        """Name by which the API server knows it."""
        return f"system:serviceaccount:{self.namespace}:{self.name}"

    def rights(self) -> frozenset[str]:
        """Return what is rendered, each as `get pods` or `update leases.coordination.k8s.io`."""
        return frozenset(
            f"{verb} {resource}.{group}".removesuffix(".")
            for rule in (*self.cluster, *self.own)
            for group in rule["apiGroups"]
            for resource in rule["resources"]
            for verb in rule["verbs"]
        )

    def objects(self) -> list[Object]:
        """Return the account, its roles and their bindings."""
        own = {"name": self.name, "namespace": self.namespace}
        everywhere = [*self.cluster, *self.simulated]
        return [
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": own},
            self._object("ClusterRole", {"name": self.name}, rules=everywhere),
            self._object("ClusterRoleBinding", {"name": self.name}, **self._bound("ClusterRole")),
            self._object("Role", own, rules=self.own),
            self._object("RoleBinding", own, **self._bound("Role")),
        ]

    def _object(self, kind: str, metadata: Mapping[str, str], **fields: Any) -> Object:
        return {"apiVersion": f"{_GROUP}/v1", "kind": kind, "metadata": dict(metadata), **fields}

    def _bound(self, kind: str) -> Object:
        subject = {"kind": "ServiceAccount", "name": self.name, "namespace": self.namespace}
        return {"roleRef": {"apiGroup": _GROUP, "kind": kind, "name": self.name}, "subjects": [subject]}

    def create(self, api: Api) -> None:
        """Create the account with its rights."""
        for each in self.objects():
            api.create(each)

    def token(self, api: Api) -> str:
        """Return a token of the account."""
        path = f"/api/v1/namespaces/{self.namespace}/serviceaccounts/{self.name}/token"
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": _TOKEN_SECONDS},
        }
        return api.request("POST", path, json=request)["status"]["token"]

    def kubeconfig(self, api: Api, server: str, authority: Path) -> Object:
        """Return a kubeconfig with a token of the account."""
        data = base64.b64encode(authority.read_bytes()).decode()
        name = self.name
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": name,
            "contexts": [{"name": name, "context": {"cluster": name, "user": name}}],
            "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority-data": data}}],
            "users": [{"name": name, "user": {"token": self.token(api)}}],
        }


def rendered(rules: Iterable[Mapping[str, Any]]) -> list[Object]:
    """Return a component's rules in the API's own form."""
    return [{_FIELDS.get(key, key): value for key, value in rule.items()} for rule in rules]


def kueue() -> Account:
    """Return Kueue's account."""
    return Account(
        name="kueue",
        namespace=KUEUE_NAMESPACE,
        cluster=rendered(kueue_controller.rights()),
        own=rendered(kueue_controller.leader_rights()),
    )


def karpenters() -> Account:
    """Return Karpenter's account."""
    return Account(
        name=karpenter.ACCOUNT,
        namespace=NODE_SCALING,
        cluster=rendered(karpenter.cluster_rules()),
        own=rendered(karpenter.namespace_rules()),
        simulated=_KWOK_PROVIDER,
    )


def controllers() -> list[Account]:
    """Return the accounts of the tier's controllers that a stack renders rights for."""
    return [kueue(), karpenters()]
