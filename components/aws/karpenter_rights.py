"""Karpenter's rights in AWS: the instances of its own cluster, identified by tags."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components.aws.pod_identity import Statement

_CREATE = ("ec2:CreateFleet", "ec2:CreateLaunchTemplate", "ec2:RunInstances")


@dataclass(frozen=True, kw_only=True)
class Scope:
    """The cluster whose nodes Karpenter starts and stops."""

    cluster_name: str
    account: str
    region: str

    def ec2(self, *kinds: str) -> tuple[str, ...]:
        """Return ARNs of every resource of these kinds in the region, of any owner."""
        return tuple(f"arn:aws:ec2:{self.region}:*:{kind}/*" for kind in kinds)

    @property
    def owned(self) -> str:
        """The tag that names the cluster of an instance."""
        return f"kubernetes.io/cluster/{self.cluster_name}"


def rights(
    scope: Scope, node_role_arn: pulumi.Input[str], queue_arn: pulumi.Input[str]
) -> tuple[Statement, ...]:
    """Return all rights of the controller."""
    return (
        *_create(scope),
        *_change(scope),
        *_read(scope),
        *_delegate(scope, node_role_arn, queue_arn),
    )


def _tagged(
    kind: str, scope: Scope, *, more: dict[str, str | Sequence[str]] | None = None
) -> dict[str, dict[str, pulumi.Input[str | Sequence[str]]]]:
    equals: dict[str, pulumi.Input[str | Sequence[str]]] = {f"aws:{kind}/{scope.owned}": "owned"}
    equals.update(more or {})
    return {"StringEquals": equals, "StringLike": {f"aws:{kind}/karpenter.sh/nodepool": "*"}}


def _create(scope: Scope) -> list[Statement]:
    requested: dict[str, str | Sequence[str]] = {"aws:RequestTag/eks:eks-cluster-name": scope.cluster_name}
    created = scope.ec2(
        "fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume"
    )
    inputs = scope.ec2("capacity-reservation", "placement-group", "security-group", "subnet")
    published = tuple(f"arn:aws:ec2:{scope.region}::{kind}/*" for kind in ("image", "snapshot"))
    return [
        # The inputs of instances; the created resources must carry the cluster's tags, below.
        Statement(actions=("ec2:CreateFleet", "ec2:RunInstances"), resources=(*published, *inputs)),
        Statement(
            actions=("ec2:CreateFleet", "ec2:RunInstances"),
            resources=scope.ec2("launch-template"),
            conditions=_tagged("ResourceTag", scope),
        ),
        Statement(
            actions=_CREATE, resources=created, conditions=_tagged("RequestTag", scope, more=requested)
        ),
        Statement(
            actions=("ec2:CreateTags",),
            resources=created,
            conditions=_tagged(
                "RequestTag",
                scope,
                more={
                    **requested,
                    "ec2:CreateAction": ["CreateFleet", "CreateLaunchTemplate", "RunInstances"],
                },
            ),
        ),
    ]


def _change(scope: Scope) -> list[Statement]:
    later = _tagged("ResourceTag", scope)
    names = ["eks:eks-cluster-name", "karpenter.sh/nodeclaim", "Name"]
    return [
        Statement(
            actions=("ec2:CreateTags",),
            resources=scope.ec2("instance"),
            conditions={
                **later,
                "StringEqualsIfExists": {"aws:RequestTag/eks:eks-cluster-name": scope.cluster_name},
                "ForAllValues:StringEquals": {"aws:TagKeys": names},
            },
        ),
        Statement(
            actions=("ec2:DeleteLaunchTemplate", "ec2:TerminateInstances"),
            resources=scope.ec2("instance", "launch-template"),
            conditions=later,
        ),
    ]


def _read(scope: Scope) -> list[Statement]:
    profiles = f"arn:aws:iam::{scope.account}:instance-profile/*"
    cluster = f"arn:aws:eks:{scope.region}:{scope.account}:cluster/{scope.cluster_name}"
    return [
        Statement(
            actions=(
                "ec2:DescribeCapacityReservations",
                "ec2:DescribeImages",
                "ec2:DescribeInstanceStatus",
                "ec2:DescribeInstanceTypeOfferings",
                "ec2:DescribeInstanceTypes",
                "ec2:DescribeInstances",
                "ec2:DescribeLaunchTemplates",
                "ec2:DescribePlacementGroups",
                "ec2:DescribeSecurityGroups",
                "ec2:DescribeSpotPriceHistory",
                "ec2:DescribeSubnets",
            ),
            resources=("*",),
            why_any_resource="these actions accept no resource; the condition names the region",
            conditions={"StringEquals": {"aws:RequestedRegion": scope.region}},
        ),
        Statement(
            actions=("iam:ListInstanceProfiles", "pricing:GetProducts"),
            resources=("*",),
            why_any_resource="these actions accept no resource",
        ),
        Statement(actions=("iam:GetInstanceProfile",), resources=(profiles,)),
        Statement(actions=("eks:DescribeCluster",), resources=(cluster,)),
        Statement(
            actions=("ssm:GetParameter",),
            resources=(f"arn:aws:ssm:{scope.region}::parameter/aws/service/*",),
        ),
    ]


def _delegate(
    scope: Scope, node_role_arn: pulumi.Input[str], queue_arn: pulumi.Input[str]
) -> list[Statement]:
    return [
        Statement(
            actions=("iam:PassRole",),
            resources=(node_role_arn,),
            conditions={"StringEquals": {"iam:PassedToService": "ec2.amazonaws.com"}},
        ),
        Statement(
            actions=("sqs:DeleteMessage", "sqs:GetQueueUrl", "sqs:ReceiveMessage"), resources=(queue_arn,)
        ),
    ]
