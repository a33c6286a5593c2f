"""Roles of users: what they may do at the gateway, and who has which role in which namespace."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, cast

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions
from pulumi_kubernetes.rbac.v1 import PolicyRuleArgsDict

from components.access import roles
from components.access.roles import Role
from components.shapes.owner import Owner

OPERATOR: Final = "operator"
"""Account in whose name the command line and the harness act; who may issue its tokens administers all."""
_RBAC: Final = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """Who gets a role: a group of people, or an account of the cluster."""

    name: str
    namespace: str = ""
    """Namespace of an account; empty for a group."""


@dataclass(frozen=True, kw_only=True)
class UserRolesArgs:
    """Inputs of `UserRoles`."""

    namespace: pulumi.Input[str]
    """Namespace of the operator's account."""
    routes: Sequence[Mapping[str, Any]]
    """What each host asks for; of `Access.route`."""
    namespaces: Mapping[str, pulumi.Input[str]]
    """Namespaces of the routes, by name; each resolves once it is there."""
    bindings: Mapping[str, Mapping[Role, tuple[Subject, ...]]]
    """Namespace -> role -> who gets it there, for what is published from there."""

    def __post_init__(self) -> None:
        """Reject routes from a namespace that is not given."""
        unknown = {each["namespace"] for each in self.routes if "namespace" in each} - set(self.namespaces)
        if unknown:
            raise ValueError(f"namespaces: no {', '.join(sorted(unknown))}, which a route names; add it")


class UserRoles(pulumi.ComponentResource):
    """The roles, their bindings, and the operator's account."""

    def __init__(self, name: str, args: UserRolesArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:UserRoles", name, {}, opts)
        self._name = name
        self._args = args
        self._owner = Owner.of_product(self, name, args.namespace, product="user-roles", role="roles")
        self._operator()
        self._roles()
        self.register_outputs({})

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
