"""An IAM role that the pods of one Kubernetes service account, and nobody else, act with."""

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
    """What a role may do: these actions on these resources."""

    actions: tuple[str, ...]
    """Full names, such as `s3:GetObject`, or with a wildcard after a verb, such as `ec2:Describe*`."""
    resources: tuple[pulumi.Input[str], ...]
    """Their ARNs."""
    conditions: Mapping[str, Mapping[str, pulumi.Input[str | Sequence[str]]]] = field(
        default_factory=dict[str, Mapping[str, pulumi.Input[str | Sequence[str]]]]
    )
    """Operator -> key -> values."""
    why_any_resource: str = ""
    """Why no resource can be named; without a reason `*` is refused."""

    def __post_init__(self) -> None:
        """Refuse rights that are wider than anyone asked for."""
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
class PodIdentityArgs:
    """Who acts, and what they may do."""

    cluster_name: pulumi.Input[str]
    """The EKS cluster; it needs the add-on `eks-pod-identity-agent`."""
    namespace: pulumi.Input[str]
    """Of the service account."""
    service_account: str
    """Its pods get credentials when they are made after the association; it need not exist before."""
    statements: tuple[Statement, ...]
    """All that the role may do."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Refuse a role that may do nothing."""
        if not self.statements:
            raise ValueError(f"statements: none given; say what {self.service_account} may do")


def trust_policy(cluster_name: str, namespace: str, service_account: str) -> str:
    """Return who may take the role: EKS, on behalf of this one service account of this one cluster."""
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

    role_arn: pulumi.Output[str]
    service_account: pulumi.Output[str]

    def __init__(self, name: str, args: PodIdentityArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:PodIdentity", name, {"service_account": args.service_account}, opts)
        # It holds no data: what protects the buckets it opens would only stand in the way of changing it.
        child = ResourceOptions(parent=self, protect=False, retain_on_delete=False)
        tags = {"Name": name, **args.tags}
        trust = pulumi.Output.all(args.cluster_name, args.namespace).apply(
            lambda known: trust_policy(known[0], known[1], args.service_account)
        )
        role = aws.iam.Role(f"{name}-role", assume_role_policy=trust, tags=tags, opts=child)
        rights = aws.iam.RolePolicy(
            f"{name}-rights", role=role.name, policy=policy(args.statements), opts=child
        )
        association = aws.eks.PodIdentityAssociation(
            f"{name}-association",
            cluster_name=args.cluster_name,
            namespace=args.namespace,
            service_account=args.service_account,
            role_arn=role.arn,
            tags=tags,
            # A pod that starts in between would be refused by the service that it calls.
            opts=ResourceOptions.merge(child, ResourceOptions(depends_on=[rights])),
        )
        self.role_arn = role.arn
        # Taken from the association: a pod that was made before it has no credentials, and never gets any.
        self.service_account = association.service_account
        self.register_outputs({"role_arn": self.role_arn, "service_account": self.service_account})
