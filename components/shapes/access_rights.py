"""What a server may ask of the Kubernetes API: its service account, and the roles bound to it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict
from pulumi_kubernetes.rbac import v1 as rbac

_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True)
class AccessRights:
    """One account and its rights, made as children of the component that runs the server."""

    component: str
    """Name of the component, with which the engine's names of the objects begin."""
    account: str
    """Name of the service account."""
    namespace: pulumi.Input[str]
    """Where the account is."""
    labels: Mapping[str, str]
    """Labels on every object."""
    parent: pulumi.Resource
    """The component."""

    def service_account(self) -> core.ServiceAccount:
        """Make the account; pods that call the API ask for its token themselves."""
        return core.ServiceAccount(
            f"{self.component}-account",
            metadata=self._metadata(self.account),
            automount_service_account_token=False,
            opts=ResourceOptions(parent=self.parent),
        )

    def in_cluster(
        self, rules: Sequence[rbac.PolicyRuleArgsDict], *, name: str, resource: str = ""
    ) -> rbac.ClusterRoleBinding:
        """Allow something in every namespace.

        Args:
            rules: what.
            name: of the role and its binding; no other component may use it.
            resource: the engine's name of both, without their kind; the component's own if not given.
        """
        resource = resource or self.component
        metadata: ObjectMetaArgsDict = {"name": name, "labels": self.labels}
        role = rbac.ClusterRole(
            f"{resource}-role", metadata=metadata, rules=rules, opts=ResourceOptions(parent=self.parent)
        )
        return rbac.ClusterRoleBinding(
            f"{resource}-binding",
            metadata=metadata,
            role_ref={"api_group": _GROUP, "kind": "ClusterRole", "name": name},
            subjects=[self._subject()],
            opts=ResourceOptions(parent=self.parent, depends_on=[role]),
        )

    def in_namespace(
        self, rules: Sequence[rbac.PolicyRuleArgsDict], *, name: str, resource: str = ""
    ) -> rbac.RoleBinding:
        """Allow something in the account's own namespace; the arguments are those of `in_cluster`."""
        resource = resource or self.component
        metadata = self._metadata(name)
        role = rbac.Role(
            f"{resource}-role", metadata=metadata, rules=rules, opts=ResourceOptions(parent=self.parent)
        )
        return rbac.RoleBinding(
            f"{resource}-binding",
            metadata=metadata,
            role_ref={"api_group": _GROUP, "kind": "Role", "name": name},
            subjects=[self._subject()],
            opts=ResourceOptions(parent=self.parent, depends_on=[role]),
        )

    def _metadata(self, name: str) -> ObjectMetaArgsDict:
        return {"name": name, "namespace": self.namespace, "labels": self.labels}

    def _subject(self) -> rbac.SubjectArgsDict:
        return {"kind": "ServiceAccount", "name": self.account, "namespace": self.namespace}
