"""Access to the Kubernetes API: a service account and the roles bound to it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pulumi
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.rbac import v1 as rbac

from components.shapes.owner import Owner

_GROUP = "rbac.authorization.k8s.io"
READ: Final = ("get", "list", "watch")
EVERY: Final = (*READ, "create", "update", "patch", "delete", "deletecollection")
"""What a controller can do with a resource; `*` would also grant verbs such as `escalate`."""


def split(rules: Iterable[Mapping[str, Any]], names: Iterable[str]) -> tuple[list[Any], list[Any]]:
    """Return upstream's rules without some resources, and those for these resources.

    Args:
        rules: the rules, as a manifest has them.
        names: each a resource and its API group, such as `jobs.batch`, or `*` and a group.

    Raises:
        ValueError: upstream no longer grants one of them.
    """
    wanted = set(names)
    found = set[str]()
    others: list[Any] = []
    chosen: list[Any] = []
    for rule in rules:
        (group,) = rule["apiGroups"]
        matches = {
            each: {f"{each}.{group}".removesuffix("."), f"*.{group}"} & wanted for each in rule["resources"]
        }
        found = found.union(*matches.values())
        for kept, matching in ((others, False), (chosen, True)):
            resources = [each for each, match in matches.items() if bool(match) is matching]
            if resources:
                kept.append({**rule, "resources": resources})
    if unknown := wanted - found:
        raise ValueError(
            f"upstream's rules grant no {', '.join(sorted(unknown))}: was it renamed by an upgrade?"
        )
    return others, chosen


def named_verbs(rules: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return upstream's rules with the verbs that `*` stands for."""
    return [{**each, "verbs": [*EVERY] if "*" in each["verbs"] else each["verbs"]} for each in rules]


def read_only(rules: Iterable[Mapping[str, Any]]) -> list[Any]:
    """Return what rules allow to be read."""
    reading = [{**each, "verbs": [verb for verb in each["verbs"] if verb in READ]} for each in rules]
    return [each for each in reading if each["verbs"]]


@dataclass(frozen=True, kw_only=True)
class AccessRights:
    """One service account and its roles, created as children of the component that runs the server."""

    owner: Owner
    """The component."""
    account: str
    """Name of the service account."""
    account_namespace: pulumi.Input[str] | None = None
    """Its namespace; by default the component's."""

    def elsewhere(self, namespace: pulumi.Input[str]) -> "AccessRights":
        """Return the access of the same account to another namespace."""
        owner = replace(self.owner, namespace=namespace)
        return AccessRights(owner=owner, account=self.account, account_namespace=self._account_namespace)

    def service_account(self) -> core.ServiceAccount:
        """Create the account; pods that call the API mount its token explicitly."""
        return core.ServiceAccount(
            f"{self.owner.component}-account",
            metadata=self.owner.metadata(self.account),
            automount_service_account_token=False,
            opts=self.owner.child(),
        )

    def in_cluster(
        self, rules: Sequence[rbac.PolicyRuleArgsDict], *, name: str, resource: str = ""
    ) -> rbac.ClusterRoleBinding:
        """Grant rules in every namespace.

        Args:
            rules: the rules.
            name: name of the role and its binding; no other component may use it.
            resource: Pulumi name of both, without their kind; the component's own by default.
        """
        resource = resource or self.owner.component
        metadata = self.owner.cluster_metadata(name)
        role = rbac.ClusterRole(f"{resource}-role", metadata=metadata, rules=rules, opts=self.owner.child())
        return rbac.ClusterRoleBinding(
            f"{resource}-binding",
            metadata=metadata,
            role_ref={"api_group": _GROUP, "kind": "ClusterRole", "name": name},
            subjects=[self._subject()],
            opts=self.owner.child([role]),
        )

    def in_namespace(
        self, rules: Sequence[rbac.PolicyRuleArgsDict], *, name: str, resource: str = ""
    ) -> rbac.RoleBinding:
        """Grant rules in the component's namespace; the arguments are those of `in_cluster`."""
        resource = resource or self.owner.component
        metadata = self.owner.metadata(name)
        role = rbac.Role(f"{resource}-role", metadata=metadata, rules=rules, opts=self.owner.child())
        return rbac.RoleBinding(
            f"{resource}-binding",
            metadata=metadata,
            role_ref={"api_group": _GROUP, "kind": "Role", "name": name},
            subjects=[self._subject()],
            opts=self.owner.child([role]),
        )

    @property
    def _account_namespace(self) -> pulumi.Input[str]:
        return self.owner.namespace if self.account_namespace is None else self.account_namespace

    def _subject(self) -> rbac.SubjectArgsDict:
        return {"kind": "ServiceAccount", "name": self.account, "namespace": self._account_namespace}
