"""What Karpenter may do in AWS: instances of its own cluster, told apart by tags, and nothing else."""

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
        """Return ARNs of every resource of these kinds in the region, whoever owns them."""
        return tuple(f"arn:aws:ec2:{self.region}:*:{kind}/*" for kind in kinds)

    @property
    def owned(self) -> str:
        """The tag that says whose an instance is."""
        return f"kubernetes.io/cluster/{self.cluster_name}"


def rights(
    scope: Scope, node_role_arn: pulumi.Input[str], queue_arn: pulumi.Input[str]
) -> tuple[Statement, ...]:
    """Return everything that the controller may do."""
    return (
        *_making(scope),
        *_changing(scope),
        *_reading(scope),
        *_handing_on(scope, node_role_arn, queue_arn),
    )


def _tagged(
    kind: str, scope: Scope, *, more: dict[str, str | Sequence[str]] | None = None
) -> dict[str, dict[str, pulumi.Input[str | Sequence[str]]]]:
    equals: dict[str, pulumi.Input[str | Sequence[str]]] = {f"aws:{kind}/{scope.owned}": "owned"}
    equals.update(more or {})
    return {"StringEquals": equals, "StringLike": {f"aws:{kind}/karpenter.sh/nodepool": "*"}}


def _making(scope: Scope) -> list[Statement]:
    requested: dict[str, str | Sequence[str]] = {"aws:RequestTag/eks:eks-cluster-name": scope.cluster_name}
    made = scope.ec2(
        "fleet", "instance", "launch-template", "network-interface", "spot-instances-request", "volume"
    )
    inputs = scope.ec2("capacity-reservation", "placement-group", "security-group", "subnet")
    published = tuple(f"arn:aws:ec2:{scope.region}::{kind}/*" for kind in ("image", "snapshot"))
    return [
        # What instances are made of; what is made must carry the cluster's tags, below.
        Statement(actions=("ec2:CreateFleet", "ec2:RunInstances"), resources=(*published, *inputs)),
        Statement(
            actions=("ec2:CreateFleet", "ec2:RunInstances"),
            resources=scope.ec2("launch-template"),
            conditions=_tagged("ResourceTag", scope),
        ),
        Statement(actions=_CREATE, resources=made, conditions=_tagged("RequestTag", scope, more=requested)),
        Statement(
            actions=("ec2:CreateTags",),
            resources=made,
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


def _changing(scope: Scope) -> list[Statement]:
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


def _reading(scope: Scope) -> list[Statement]:
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
            why_any_resource="these actions know no resources; the condition names the region",
            conditions={"StringEquals": {"aws:RequestedRegion": scope.region}},
        ),
        Statement(
            actions=("iam:ListInstanceProfiles", "pricing:GetProducts"),
            resources=("*",),
            why_any_resource="these actions know no resources",
        ),
        Statement(actions=("iam:GetInstanceProfile",), resources=(profiles,)),
        Statement(actions=("eks:DescribeCluster",), resources=(cluster,)),
        Statement(
            actions=("ssm:GetParameter",),
            resources=(f"arn:aws:ssm:{scope.region}::parameter/aws/service/*",),
        ),
    ]


def _handing_on(
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
