"""An IAM role that only the pods of one Kubernetes service account can assume."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

_TRUSTED = "pods.eks.amazonaws.com"


@dataclass(frozen=True, kw_only=True)
class Statement:
    """Actions that a role may perform, and on which resources."""

    actions: tuple[str, ...]
    """Full names, such as `s3:GetObject`, or with a wildcard after a verb, such as `ec2:Describe*`."""
    resources: tuple[pulumi.Input[str], ...]
    """ARNs of the resources."""
    conditions: Mapping[str, Mapping[str, pulumi.Input[str | Sequence[str]]]] = field(
        default_factory=dict[str, Mapping[str, pulumi.Input[str | Sequence[str]]]]
    )
    """Values by operator and key."""
    why_any_resource: str = ""
    """Why no resource can be named; without a reason `*` is rejected."""

    def __post_init__(self) -> None:
        """Reject rights that are wider than needed."""
        if not self.actions or not self.resources:
            raise ValueError("actions, resources: one of the two is empty; name at least one of each")
        for action in self.actions:
            service, _, verb = action.partition(":")
            if not service.isalnum() or verb.strip("*") == "":
                raise ValueError(f"actions: {action!r} is everything; name the actions that are needed")
        if "*" in self.resources and not self.why_any_resource:
            raise ValueError(
                "resources: '*' is every resource; name ARNs, or say in why_any_resource why not"
            )


@dataclass(frozen=True, kw_only=True)
class IdentityScope:
    """A namespace of an EKS cluster.

    EKS takes seconds until pods get the credentials of a new association, and a pod that starts before it
    never gets them. An association therefore waits for the cluster alone: it is minutes older than any pod.
    """

    cluster_name: pulumi.Input[str]
    """Name of the cluster, resolved by it; it needs the add-on `eks-pod-identity-agent`."""
    namespace: str
    """Name of the namespace, which need not exist yet."""


@dataclass(frozen=True, kw_only=True)
class PodIdentityArgs:
    """Inputs of `PodIdentity`."""

    scope: IdentityScope
    """Cluster and namespace of the service account."""
    service_account: str
    """Name of the service account; only pods created after the association get credentials."""
    statements: tuple[Statement, ...]
    """Rights of the role."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject a role without rights."""
        if not self.statements:
            raise ValueError(f"statements: none given; say what {self.service_account} may do")


def trust_policy(cluster_name: str, namespace: str, service_account: str) -> str:
    """Return the trust policy: EKS may assume the role for this service account of this cluster alone."""
    session = {
        "aws:RequestTag/eks-cluster-name": cluster_name,
        "aws:RequestTag/kubernetes-namespace": namespace,
        "aws:RequestTag/kubernetes-service-account": service_account,
    }
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": _TRUSTED},
        "Action": ["sts:AssumeRole", "sts:TagSession"],
        "Condition": {"StringEquals": session},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]}, sort_keys=True)


def policy(statements: Sequence[Statement]) -> pulumi.Output[str]:
    """Return the policy document of a role."""
    documents: list[Any] = []
    for each in statements:
        document: dict[str, Any] = {
            "Effect": "Allow",
            "Action": [*each.actions],
            "Resource": [*each.resources],
        }
        if each.conditions:
            document["Condition"] = each.conditions
        documents.append(document)
    return pulumi.Output.json_dumps({"Version": "2012-10-17", "Statement": documents}, sort_keys=True)


class PodIdentity(pulumi.ComponentResource):
    """One role and its association with one service account."""

    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:PodIdentity", name, {"service_account": args.service_account}, opts)
        # It holds no data: the protection of the buckets that it opens would only prevent changes.
        child = ResourceOptions(parent=self, protect=False, retain_on_delete=False)
        tags = {"Name": name, **args.tags}
        trust = pulumi.Output.from_input(args.scope.cluster_name).apply(
            lambda cluster: trust_policy(cluster, args.scope.namespace, args.service_account)
        )
        role = aws.iam.Role(f"{name}-role", assume_role_policy=trust, tags=tags, opts=child)
        rights = aws.iam.RolePolicy(
            f"{name}-rights", role=role.name, policy=policy(args.statements), opts=child
        )
        association = aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.scope.cluster_name,
            namespace=args.scope.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            tags=tags,
            # A pod that started in between would be denied by the service that it calls.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[rights])),
        )
        # Resolved by the association: a pod created before it never gets credentials.
        self.service_account = association.service_account
        self.register_outputs({"role_arn": role.arn, "service_account": self.service_account})
