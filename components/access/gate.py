"""The gate: who sends a request to the gateway, and whether RBAC allows it; Traefik asks it each time."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

from components.access import roles
from components.access.login import Login
from components.access.roles import Role
from components.shapes import (
    cluster_service,
    network_policies,
    pod_security,
    replicated_server,
    server_pods,
)
from components.shapes.access_rights import AccessRights
from components.shapes.owner import Owner
from components.shapes.server_pods import Mount
from workloads.contract import TOKEN_AUDIENCE

PORT: Final = 8080
SERVICE: Final = "gate"
OPERATOR: Final = "operator"
"""Account in whose name the command line and the harness act; who may issue its tokens administers all."""
USER: Final = "X-Remote-User"
"""Header with the name of whoever sends a request."""
SHARE: Final = "X-Plinth-Share"
"""Header by which the gateway counts the requests that somebody has in flight."""
HEADERS: Final = ("Authorization", "Cookie", USER, "X-Remote-Groups", SHARE)
"""Headers that the gate alone sets: what a client sends of them reaches no server."""
# Of a cluster of `python -m cluster`, of EKS, and of kind: MLflow's own client sends such a token.
AUDIENCE_OF_PODS: Final = ("https://kubernetes.default.svc", "https://kubernetes.default.svc.cluster.local")
_CONFIG: Final = "/etc/gate"
_FILE: Final = "gate.json"
_RBAC: Final = "rbac.authorization.k8s.io"


def url(namespace: str) -> str:
    """Return the URL at which Traefik asks the gate in a namespace."""
    return f"http://{SERVICE}.{namespace}:{PORT}/check"


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
    sessions: Mapping[str, Any],
    issuer: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """Return what the gate reads: whom it knows, and what each host asks for."""
    return {
        "domain": domain,
        "audiences": [TOKEN_AUDIENCE, *AUDIENCE_OF_PODS],
        "routes": [*routes],
        "login": sessions,
        **({"issuer": issuer} if issuer else {}),
    }


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who gets a role: a group of people, or an account of the cluster."""

    name: str
    namespace: str = ""
    """Namespace of an account; empty for a group."""


@dataclass(frozen=True, kw_only=True)
class GateArgs:
    """Inputs of `Gate`."""

    namespace: pulumi.Input[str]
    """Namespace that denies traffic by default."""
    image: pulumi.Input[str]
    domain: str
    """Parent domain of every host of the platform."""
    routes: Sequence[Mapping[str, Any]]
    """What each host asks for; of `Access.route`."""
    namespaces: Mapping[str, pulumi.Input[str]]
    """Namespaces of the routes, by name; each resolves once it is there."""
    clients: tuple[network_policies.Peer, ...]
    """Pods of the gateway."""
    login: Login
    """Where people sign in."""
    bindings: Mapping[str, Mapping[Role, tuple[Subject, ...]]]
    """Namespace -> role -> who gets it there, for what is published from there."""
    replicas: int = 1
    """More than one survive the loss of a node."""

    def __post_init__(self) -> None:
        """Reject a gate without a pod, and one with nothing behind it."""
        replicated_server.check(self.replicas)
        if not self.routes:
            raise ValueError("routes: none given; a gate without routes refuses every request")
        unknown = {each["namespace"] for each in self.routes if "namespace" in each} - set(self.namespaces)
        if unknown:
            raise ValueError(f"namespaces: no {', '.join(sorted(unknown))}, which a route names; add it")


class Gate(pulumi.ComponentResource):
    """The gate's server, the roles and their bindings."""

    def __init__(self, name: str, args: GateArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:Gate", name, {"domain": args.domain}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="gate", role="gate")
        known = content(
            domain=args.domain, routes=args.routes, sessions=args.login.sessions, issuer=args.login.issuer
        )
        self._config = json.dumps(known, indent=1, sort_keys=True)
        # The gate reads its file once: another content is another name, and so another pod.
        digest = hashlib.sha256(self._config.encode()).hexdigest()[:8]
        self._config_name = f"{name}-{digest}"
        server = self._server([self._config_map(), self._network_policy(), *self._rights()])
        cluster_service.deploy(self._owner, SERVICE, {"http": PORT}, after=[server])
        self._operator()
        self._roles()
        self.register_outputs({})

    def _config_map(self) -> kubernetes.core.v1.ConfigMap:
        return kubernetes.core.v1.ConfigMap(
            f"{self._name}-config",
            metadata=self._owner.metadata(self._config_name),
            data={_FILE: self._config},
            opts=self._owner.child(),
        )

    def _rights(self) -> list[pulumi.Resource]:
        account = AccessRights(owner=self._owner, account=self._name)
        return [account.service_account(), account.in_cluster(rules(), name=self._name)]

    def _network_policy(self) -> kubernetes.networking.v1.NetworkPolicy:
        args = self._args
        # Keys of the issuer are wherever it is.
        issuer = [network_policies.egress([network_policies.anywhere()], 443)] if args.login.issuer else []
        return kubernetes.networking.v1.NetworkPolicy(
            f"{self._name}-policy",
            metadata=self._owner.metadata(self._name),
            spec=network_policies.exception(
                self._owner.selector,
                incoming=[network_policies.ingress(args.clients, PORT)],
                outgoing=[
                    network_policies.api_server(),
                    network_policies.egress([args.login.pods], args.login.port),
                    *issuer,
                ],
            ),
            opts=self._owner.child(),
        )

    def _server(self, after: list[pulumi.Resource]) -> kubernetes.apps.v1.Deployment:
        container = server_pods.container(
            "gate",
            self._args.image,
            ["gate", f"--config={_CONFIG}/{_FILE}", f"--address=:{PORT}"],
            ports={"http": PORT},
            mounts=[Mount(volume="config", path=_CONFIG)],
            probe=pod_security.http_probe("/healthz", PORT),
            resources=pod_security.sizes(cpu="50m", memory="48Mi", memory_limit="256Mi"),
        )
        pod = server_pods.pod(
            container,
            volumes=[{"name": "config", "config_map": {"name": self._config_name}}],
            scratch=None,
            service_account=self._name,
        )
        return replicated_server.deploy(
            self._owner,
            pod,
            role="server",
            name=self._name,
            replicas=self._args.replicas,
            after=after,
        )

    def _operator(self) -> None:
        kubernetes.core.v1.ServiceAccount(
            f"{self._name}-operator",
            metadata=self._owner.metadata(OPERATOR),
            automount_service_account_token=False,
            opts=self._owner.child(),
        )

    def _roles(self) -> None:
        made = {
            role: kubernetes.rbac.v1.ClusterRole(
                f"{self._name}-{role.name.lower()}",
                metadata=self._owner.cluster_metadata(role),
                rules=cast("list[PolicyRuleArgsDict]", granted),
                opts=self._owner.child(),
            )
            for role, granted in roles.rules().items()
        }
        published = {(each["namespace"], each["group"]) for each in self._args.routes if "group" in each}
        # Rollouts are where models are.
        published |= {(where, roles.ROLLOUT_GROUP) for where, group in published if group == roles.MODELS}
        for namespace, bindings in self._args.bindings.items():
            for role, subjects in bindings.items():
                groups = {group for rule in roles.rules()[role] for group in rule["api_groups"]}
                if subjects and any((namespace, group) in published for group in groups):
                    self._bind(made[role], role, namespace, subjects)

    def _bind(
        self,
        cluster_role: kubernetes.rbac.v1.ClusterRole,
        role: Role,
        namespace: str,
        subjects: tuple[Subject, ...],
    ) -> None:
        kubernetes.rbac.v1.RoleBinding(
            f"{self._name}-{role.name.lower()}-{namespace}",
            metadata={
                "name": role,
                "namespace": self._args.namespaces[namespace],
                "labels": self._owner.labels,
            },
            role_ref={"api_group": _RBAC, "kind": "ClusterRole", "name": role},
            subjects=[_subject(each) for each in subjects],
            opts=self._owner.child([cluster_role]),
        )


def _subject(subject: Subject) -> kubernetes.rbac.v1.SubjectArgsDict:
    if subject.namespace:
        return {"kind": "ServiceAccount", "name": subject.name, "namespace": subject.namespace}
    return {"kind": "Group", "name": subject.name, "api_group": _RBAC}
