"""What the AWS provider calls for each type of resource that a stack has.

Written from knowledge of the provider and of CloudFormation's handlers for the same types; tests compare the
names of actions with botocore's models, but no account has run with it yet. In templates of ARNs, `{name}`
stands for each resource of the type; account, region and cluster are the stack's.
"""

from collections.abc import Mapping
from dataclasses import dataclass

_EC2 = "arn:aws:ec2:{region}:{account}:"
_EKS = "arn:aws:eks:{region}:{account}:"
_RDS = "arn:aws:rds:{region}:{account}:"
_ROLE = "arn:aws:iam::{account}:role/{name}"
_ROLES = "aws:iam/role:Role"
_BUCKETS = "aws:s3/bucket:Bucket"
_RULES = "aws:cloudwatch/eventRule:EventRule"
_QUEUES = "aws:sqs/queue:Queue"
_REPOSITORIES = "aws:ecr/repository:Repository"


@dataclass(frozen=True, kw_only=True)
class Calls:
    """Calls for one type of resource."""

    writes: tuple[str, ...]
    """Actions that create or change one."""
    deletes: tuple[str, ...] = ()
    """Actions that AWS can restrict to resources with the stack's tag."""
    reads: tuple[str, ...] = ()
    on: tuple[str, ...]
    """ARNs of what the writes and deletes are about."""
    names_of: tuple[str, ...] = ()
    """Types whose names the ARNs hold; by default the type itself."""
    passes_to: tuple[str, ...] = ()
    """Services that are given one of the stack's roles."""


def _ec2(
    kinds: str, writes: str, deletes: str = "", reads: str = "", *, passes_to: tuple[str, ...] = ()
) -> Calls:
    return Calls(
        writes=_actions("ec2", writes),
        deletes=_actions("ec2", deletes),
        reads=_actions("ec2", reads),
        on=tuple(f"{_EC2}{kind}/*" for kind in kinds.split()),
        passes_to=passes_to,
    )


def _eks(kind: str, writes: str, reads: str, *, passes_to: tuple[str, ...] = ()) -> Calls:
    return Calls(
        writes=_actions("eks", f"{writes} TagResource UntagResource"),
        reads=_actions("eks", f"{reads} DescribeCluster ListTagsForResource"),
        on=(f"{_EKS}cluster/{{cluster}}", *((f"{_EKS}{kind}/{{cluster}}/*",) if kind else ())),
        passes_to=passes_to,
    )


def _bucket(writes: str, reads: str) -> Calls:
    return Calls(
        writes=_actions("s3", writes),
        reads=_actions("s3", reads),
        on=("arn:aws:s3:::{name}",),
        names_of=(_BUCKETS,),
    )


def _actions(service: str, names: str) -> tuple[str, ...]:
    return tuple(f"{service}:{name}" for name in names.split())


_SECURITY_GROUP_RULES = _ec2(
    "security-group security-group-rule",
    "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress ModifySecurityGroupRules "
    "RevokeSecurityGroupEgress RevokeSecurityGroupIngress",
    reads="DescribeSecurityGroupRules DescribeSecurityGroups",
)

CALLS: Mapping[str, Calls] = {
    "aws:autoscaling/tag:Tag": Calls(
        writes=_actions("autoscaling", "CreateOrUpdateTags DeleteTags"),
        reads=_actions("autoscaling", "DescribeTags"),
        # EKS names the groups of its node groups.
        on=("arn:aws:autoscaling:{region}:{account}:autoScalingGroup:*:autoScalingGroupName/eks-*",),
    ),
    "aws:budgets/budget:Budget": Calls(
        writes=_actions("budgets", "ModifyBudget TagResource UntagResource"),
        reads=_actions("budgets", "ListTagsForResource ViewBudget"),
        on=("arn:aws:budgets::{account}:budget/{name}",),
    ),
    _RULES: Calls(
        writes=_actions("events", "DeleteRule DisableRule EnableRule PutRule TagResource UntagResource"),
        reads=_actions("events", "DescribeRule ListTagsForResource"),
        on=("arn:aws:events:{region}:{account}:rule/{name}",),
    ),
    "aws:cloudwatch/eventTarget:EventTarget": Calls(
        writes=_actions("events", "PutTargets RemoveTargets"),
        reads=_actions("events", "ListTargetsByRule"),
        on=("arn:aws:events:{region}:{account}:rule/{name}",),
        names_of=(_RULES,),
    ),
    "aws:cloudwatch/logGroup:LogGroup": Calls(
        writes=_actions(
            "logs",
            "AssociateKmsKey CreateLogGroup DeleteLogGroup DeleteRetentionPolicy DisassociateKmsKey "
            "PutRetentionPolicy TagResource UntagResource",
        ),
        reads=_actions("logs", "DescribeLogGroups ListTagsForResource"),
        on=("arn:aws:logs:{region}:{account}:log-group:{name}",),
    ),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _SECURITY_GROUP_RULES,
    "aws:ec2/eip:Eip": _ec2(
        "elastic-ip",
        "AllocateAddress",
        "ReleaseAddress",
        "DescribeAddresses DescribeAddressesAttribute DescribeNetworkInterfaces",
    ),
    "aws:ec2/flowLog:FlowLog": _ec2(
        "vpc-flow-log vpc",
        "CreateFlowLogs",
        "DeleteFlowLogs",
        "DescribeFlowLogs",
        passes_to=("vpc-flow-logs.amazonaws.com",),
    ),
    "aws:ec2/internetGateway:InternetGateway": _ec2(
        "internet-gateway vpc",
        "AttachInternetGateway CreateInternetGateway",
        "DeleteInternetGateway DetachInternetGateway",
        "DescribeInternetGateways",
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": _ec2(
        "launch-template",
        "CreateLaunchTemplate CreateLaunchTemplateVersion ModifyLaunchTemplate",
        "DeleteLaunchTemplate DeleteLaunchTemplateVersions",
        "DescribeLaunchTemplateVersions DescribeLaunchTemplates",
    ),
    "aws:ec2/natGateway:NatGateway": _ec2(
        "natgateway subnet elastic-ip", "CreateNatGateway", "DeleteNatGateway", "DescribeNatGateways"
    ),
    "aws:ec2/placementGroup:PlacementGroup": _ec2(
        "placement-group", "CreatePlacementGroup", "DeletePlacementGroup", "DescribePlacementGroups"
    ),
    "aws:ec2/route:Route": _ec2(
        "route-table", "CreateRoute ReplaceRoute", "DeleteRoute", "DescribeRouteTables"
    ),
    "aws:ec2/routeTable:RouteTable": _ec2(
        "route-table vpc", "CreateRouteTable", "DeleteRouteTable", "DescribeRouteTables"
    ),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _ec2(
        "route-table subnet",
        "AssociateRouteTable ReplaceRouteTableAssociation",
        "DisassociateRouteTable",
        "DescribeRouteTables",
    ),
    "aws:ec2/securityGroup:SecurityGroup": _ec2(
        "security-group vpc",
        # A new group lets everything out; the provider takes that rule away.
        "AuthorizeSecurityGroupEgress AuthorizeSecurityGroupIngress CreateSecurityGroup "
        "RevokeSecurityGroupEgress RevokeSecurityGroupIngress",
        "DeleteSecurityGroup",
        "DescribeNetworkInterfaces DescribeSecurityGroups",
    ),
    "aws:ec2/subnet:Subnet": _ec2(
        "subnet vpc",
        "CreateSubnet ModifySubnetAttribute",
        "DeleteSubnet",
        "DescribeNetworkInterfaces DescribeSubnets",
    ),
    "aws:ec2/vpc:Vpc": _ec2(
        "vpc",
        "CreateVpc ModifyVpcAttribute",
        "DeleteVpc",
        "DescribeNetworkAcls DescribeRouteTables DescribeSecurityGroups DescribeVpcAttribute DescribeVpcs",
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2(
        "vpc-endpoint vpc subnet route-table security-group",
        "CreateVpcEndpoint ModifyVpcEndpoint",
        "DeleteVpcEndpoints",
        "DescribePrefixLists DescribeVpcEndpointServices DescribeVpcEndpoints",
    ),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _SECURITY_GROUP_RULES,
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _SECURITY_GROUP_RULES,
    _REPOSITORIES: Calls(
        # Pushing is part of an installation: nodes pull from these repositories.
        writes=_actions(
            "ecr",
            "CompleteLayerUpload CreateRepository DeleteRepository InitiateLayerUpload PutImage "
            "PutImageScanningConfiguration PutImageTagMutability TagResource UntagResource UploadLayerPart",
        ),
        reads=_actions(
            "ecr",
            "BatchCheckLayerAvailability BatchGetImage DescribeRepositories GetAuthorizationToken "
            "ListTagsForResource",
        ),
        on=("arn:aws:ecr:{region}:{account}:repository/{name}",),
    ),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Calls(
        writes=_actions("ecr", "DeleteLifecyclePolicy PutLifecyclePolicy"),
        reads=_actions("ecr", "GetLifecyclePolicy"),
        on=("arn:aws:ecr:{region}:{account}:repository/{name}",),
        names_of=(_REPOSITORIES,),
    ),
    "aws:eks/accessEntry:AccessEntry": _eks(
        "access-entry", "CreateAccessEntry DeleteAccessEntry UpdateAccessEntry", "DescribeAccessEntry"
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": _eks(
        "access-entry", "AssociateAccessPolicy DisassociateAccessPolicy", "ListAssociatedAccessPolicies"
    ),
    "aws:eks/addon:Addon": _eks(
        "addon",
        # An add-on brings the identity of its pods.
        "CreateAddon CreatePodIdentityAssociation DeleteAddon DeletePodIdentityAssociation UpdateAddon "
        "UpdatePodIdentityAssociation",
        "DescribeAddon DescribeAddonConfiguration DescribeAddonVersions DescribePodIdentityAssociation "
        "DescribeUpdate",
        passes_to=("pods.eks.amazonaws.com",),
    ),
    "aws:eks/cluster:Cluster": _eks(
        "",
        "AssociateEncryptionConfig CreateCluster DeleteCluster UpdateClusterConfig UpdateClusterVersion",
        "DescribeClusterVersions DescribeUpdate",
        passes_to=("eks.amazonaws.com",),
    ),
    "aws:eks/nodeGroup:NodeGroup": _eks(
        "nodegroup",
        "CreateNodegroup DeleteNodegroup UpdateNodegroupConfig UpdateNodegroupVersion",
        "DescribeNodegroup DescribeUpdate",
        passes_to=("ec2.amazonaws.com", "eks.amazonaws.com"),
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _eks(
        "podidentityassociation",
        "CreatePodIdentityAssociation DeletePodIdentityAssociation UpdatePodIdentityAssociation",
        "DescribePodIdentityAssociation ListPodIdentityAssociations",
        passes_to=("pods.eks.amazonaws.com",),
    ),
    "aws:iam/instanceProfile:InstanceProfile": Calls(
        writes=_actions(
            "iam",
            "AddRoleToInstanceProfile CreateInstanceProfile DeleteInstanceProfile "
            "RemoveRoleFromInstanceProfile TagInstanceProfile UntagInstanceProfile",
        ),
        reads=_actions("iam", "GetInstanceProfile"),
        on=("arn:aws:iam::{account}:instance-profile/{name}",),
        passes_to=("ec2.amazonaws.com",),
    ),
    _ROLES: Calls(
        writes=_actions(
            "iam",
            "CreateRole DeleteRole TagRole UntagRole UpdateAssumeRolePolicy UpdateRole UpdateRoleDescription",
        ),
        reads=_actions(
            "iam", "GetRole ListAttachedRolePolicies ListInstanceProfilesForRole ListRolePolicies"
        ),
        on=(_ROLE,),
    ),
    "aws:iam/rolePolicy:RolePolicy": Calls(
        writes=_actions("iam", "DeleteRolePolicy PutRolePolicy"),
        reads=_actions("iam", "GetRolePolicy"),
        on=(_ROLE,),
        names_of=(_ROLES,),
    ),
    # Only policies that the plan attaches; see `deployer_policy`.
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Calls(
        writes=(), reads=_actions("iam", "ListAttachedRolePolicies"), on=(), names_of=(_ROLES,)
    ),
    # A key has no name before it exists: its creation needs the stack's tag; see `deployer_policy`.
    "aws:kms/key:Key": Calls(
        writes=(),
        deletes=_actions(
            "kms",
            "DisableKey DisableKeyRotation EnableKey EnableKeyRotation PutKeyPolicy ScheduleKeyDeletion "
            "UntagResource UpdateKeyDescription",
        ),
        reads=_actions("kms", "DescribeKey GetKeyPolicy GetKeyRotationStatus ListResourceTags"),
        on=("arn:aws:kms:{region}:{account}:key/*",),
    ),
    "aws:rds/instance:Instance": Calls(
        writes=_actions(
            "rds",
            "AddTagsToResource CreateDBInstance CreateDBSnapshot DeleteDBInstance ModifyDBInstance "
            "RebootDBInstance RemoveTagsFromResource",
        ),
        reads=_actions("rds", "DescribeDBInstances ListTagsForResource"),
        on=(
            f"{_RDS}db:{{name}}",
            f"{_RDS}snapshot:{{name}}",
            f"{_RDS}pg:{{name}}",
            f"{_RDS}subgrp:{{name}}",
            f"{_RDS}og:default:*",
        ),
        # The final snapshot has the name of the subnet group.
        names_of=(
            "aws:rds/instance:Instance",
            "aws:rds/parameterGroup:ParameterGroup",
            "aws:rds/subnetGroup:SubnetGroup",
        ),
        passes_to=("monitoring.rds.amazonaws.com",),
    ),
    "aws:rds/parameterGroup:ParameterGroup": Calls(
        writes=_actions(
            "rds",
            "AddTagsToResource CreateDBParameterGroup DeleteDBParameterGroup ModifyDBParameterGroup "
            "RemoveTagsFromResource ResetDBParameterGroup",
        ),
        reads=_actions("rds", "DescribeDBParameterGroups DescribeDBParameters ListTagsForResource"),
        on=(f"{_RDS}pg:{{name}}",),
    ),
    "aws:rds/subnetGroup:SubnetGroup": Calls(
        writes=_actions(
            "rds",
            "AddTagsToResource CreateDBSubnetGroup DeleteDBSubnetGroup ModifyDBSubnetGroup "
            "RemoveTagsFromResource",
        ),
        reads=_actions("rds", "DescribeDBSubnetGroups ListTagsForResource"),
        on=(f"{_RDS}subgrp:{{name}}",),
    ),
    _BUCKETS: Calls(
        # A bucket that `destroy` may delete is emptied first.
        writes=_actions("s3", "CreateBucket DeleteBucket DeleteObject DeleteObjectVersion PutBucketTagging"),
        reads=_actions(
            "s3",
            "GetAccelerateConfiguration GetBucketAcl GetBucketCORS GetBucketLocation GetBucketLogging "
            "GetBucketObjectLockConfiguration GetBucketPolicy GetBucketRequestPayment GetBucketTagging "
            "GetBucketVersioning GetBucketWebsite GetEncryptionConfiguration GetLifecycleConfiguration "
            "GetReplicationConfiguration ListBucket ListBucketMultipartUploads ListBucketVersions",
        ),
        on=("arn:aws:s3:::{name}", "arn:aws:s3:::{name}/*"),
    ),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _bucket(
        "PutLifecycleConfiguration", "GetLifecycleConfiguration"
    ),
    "aws:s3/bucketLogging:BucketLogging": _bucket("PutBucketLogging", "GetBucketLogging"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket(
        "PutBucketOwnershipControls", "GetBucketOwnershipControls"
    ),
    "aws:s3/bucketPolicy:BucketPolicy": _bucket("DeleteBucketPolicy PutBucketPolicy", "GetBucketPolicy"),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket(
        "PutBucketPublicAccessBlock", "GetBucketPublicAccessBlock"
    ),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": _bucket(
        "PutEncryptionConfiguration", "GetEncryptionConfiguration"
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket("PutBucketVersioning", "GetBucketVersioning"),
    _QUEUES: Calls(
        writes=_actions("sqs", "CreateQueue DeleteQueue SetQueueAttributes TagQueue UntagQueue"),
        reads=_actions("sqs", "GetQueueAttributes GetQueueUrl ListQueueTags"),
        on=("arn:aws:sqs:{region}:{account}:{name}",),
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Calls(
        writes=_actions("sqs", "SetQueueAttributes"),
        reads=_actions("sqs", "GetQueueAttributes"),
        on=("arn:aws:sqs:{region}:{account}:{name}",),
        names_of=(_QUEUES,),
    ),
}
