"""CloudFormation's names of what Pulumi's AWS SDK calls otherwise, and what CloudFormation does not have.

A name that differs in nothing but capitals is derived: `aws:eks/cluster:Cluster` is `AWS::EKS::Cluster`, and
`roleArn` is `RoleArn`. This table holds the rest; tests refuse a line that the derivation makes superfluous.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from simulation.aws.cloudformation import schemas

# Services whose name differs, too.
_SERVICES: Mapping[str, str] = {"vpc": "ec2"}
_LIFE = "says how the provider deletes it, not what it is"


@dataclass(frozen=True, kw_only=True)
class Names:
    """How one type of the SDK is written in CloudFormation."""

    type: str = ""
    """The resource type; derived if empty."""
    part_of: str = ""
    """The input that names the resource of which CloudFormation makes this one a property."""
    inside: str = ""
    """The property that holds all inputs; an item is added if it is a list."""
    renamed: Mapping[str, str] = field(default_factory=dict[str, str])
    """Property by input. Paths of inputs pass through lists; paths of properties start where their input is,
    or at the resource if they begin with `/`. An empty one dissolves an input into the record around it."""
    gaps: Mapping[str, str] = field(default_factory=dict[str, str])
    """Inputs without a property, each with the reason."""
    implied: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """Properties whose value the SDK's type implies."""


def _bucket_part(inside: str = "", **renamed: str) -> Names:
    return Names(type="AWS::S3::Bucket", part_of="bucket", inside=inside, renamed=renamed)


def _firewall_rule(type_: str, end: str) -> Names:
    return Names(
        type=type_,
        renamed={
            "securityGroupId": "GroupId",
            "cidrIpv4": "CidrIp",
            "referencedSecurityGroupId": f"{end}SecurityGroupId",
            "prefixListId": f"{end}PrefixListId",
        },
        gaps={"tags": "CloudFormation does not tag rules"},
    )


NAMES: Mapping[str, Names] = {
    "aws:budgets/budget:Budget": Names(
        inside="Budget",
        renamed={
            "name": "BudgetName",
            "limitAmount": "BudgetLimit.Amount",
            "limitUnit": "BudgetLimit.Unit",
            "tags": "/ResourceTags",
        },
        gaps={"notifications": "CloudFormation has a record for each subscriber"},
    ),
    "aws:cloudwatch/eventRule:EventRule": Names(type="AWS::Events::Rule"),
    "aws:cloudwatch/eventTarget:EventTarget": Names(
        type="AWS::Events::Rule",
        part_of="rule",
        inside="Targets",
        renamed={"targetId": "Id"},
        # The provider makes one up.
        implied={"Id": "target"},
    ),
    "aws:cloudwatch/logGroup:LogGroup": Names(type="AWS::Logs::LogGroup", renamed={"name": "LogGroupName"}),
    "aws:ec2/flowLog:FlowLog": Names(
        renamed={"vpcId": "ResourceId", "iamRoleArn": "DeliverLogsPermissionArn"},
        implied={"ResourceType": "VPC"},
    ),
    "aws:ec2/internetGateway:InternetGateway": Names(
        gaps={"vpcId": "CloudFormation attaches a gateway by a resource of its own"}
    ),
    "aws:ec2/launchTemplate:LaunchTemplate": Names(
        inside="LaunchTemplateData",
        renamed={
            "name": "/LaunchTemplateName",
            "vpcSecurityGroupIds": "SecurityGroupIds",
            "networkInterfaces.securityGroups": "Groups",
        },
        gaps={
            "tags": "CloudFormation repeats the kind of the resource for each of its tags",
            "updateDefaultVersion": "says which version the provider makes the default, not what is in it",
        },
    ),
    "aws:ec2/placementGroup:PlacementGroup": Names(renamed={"name": "GroupName"}),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": Names(
        type="AWS::EC2::SubnetRouteTableAssociation"
    ),
    "aws:ec2/securityGroup:SecurityGroup": Names(
        renamed={"name": "GroupName", "description": "GroupDescription"}
    ),
    "aws:ec2/vpcEndpoint:VpcEndpoint": Names(renamed={"policy": "PolicyDocument"}),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": Names(
        type="AWS::ECR::Repository",
        part_of="repository",
        inside="LifecyclePolicy",
        renamed={"policy": "LifecyclePolicyText"},
    ),
    "aws:ecr/repository:Repository": Names(
        renamed={
            "name": "RepositoryName",
            "encryptionConfigurations": "EncryptionConfiguration",
            "forceDelete": "EmptyOnDelete",
        }
    ),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": Names(
        type="AWS::ECR::Repository", part_of="repository", renamed={"policy": "RepositoryPolicyText"}
    ),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": Names(
        type="AWS::EKS::AccessEntry",
        part_of="principalArn",
        inside="AccessPolicies",
        renamed={"clusterName": "/ClusterName", "principalArn": "/PrincipalArn"},
    ),
    "aws:eks/addon:Addon": Names(
        renamed={"resolveConflictsOnCreate": "ResolveConflicts"},
        gaps={"resolveConflictsOnUpdate": "CloudFormation has one setting for both"},
    ),
    "aws:eks/cluster:Cluster": Names(
        renamed={
            "vpcConfig": "ResourcesVpcConfig",
            "enabledClusterLogTypes": "Logging.ClusterLogging.EnabledTypes.Type",
        },
    ),
    "aws:eks/nodeGroup:NodeGroup": Names(renamed={"nodeRoleArn": "NodeRole", "subnetIds": "Subnets"}),
    "aws:iam/instanceProfile:InstanceProfile": Names(
        renamed={"name": "InstanceProfileName", "role": "Roles"},
        gaps={"tags": "CloudFormation does not tag instance profiles"},
    ),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": Names(type="AWS::IAM::OIDCProvider"),
    # The derived name is that of a policy inside a role.
    "aws:iam/policy:Policy": Names(
        type="AWS::IAM::ManagedPolicy", renamed={"name": "ManagedPolicyName", "policy": "PolicyDocument"}
    ),
    "aws:iam/role:Role": Names(renamed={"name": "RoleName", "assumeRolePolicy": "AssumeRolePolicyDocument"}),
    "aws:iam/rolePolicy:RolePolicy": Names(
        renamed={"name": "PolicyName", "role": "RoleName", "policy": "PolicyDocument"}
    ),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": Names(
        type="AWS::IAM::Role", part_of="role", renamed={"policyArn": "ManagedPolicyArns"}
    ),
    "aws:kms/alias:Alias": Names(renamed={"name": "AliasName"}),
    "aws:kms/key:Key": Names(renamed={"policy": "KeyPolicy", "deletionWindowInDays": "PendingWindowInDays"}),
    "aws:rds/instance:Instance": Names(
        type="AWS::RDS::DBInstance",
        renamed={
            "backupWindow": "PreferredBackupWindow",
            "caCertIdentifier": "CACertificateIdentifier",
            "enabledCloudwatchLogsExports": "EnableCloudwatchLogsExports",
            "iamDatabaseAuthenticationEnabled": "EnableIAMDatabaseAuthentication",
            "identifier": "DBInstanceIdentifier",
            "instanceClass": "DBInstanceClass",
            "maintenanceWindow": "PreferredMaintenanceWindow",
            "parameterGroupName": "DBParameterGroupName",
            "password": "MasterUserPassword",
            "performanceInsightsEnabled": "EnablePerformanceInsights",
            "username": "MasterUsername",
            "vpcSecurityGroupIds": "VPCSecurityGroups",
        },
        gaps={"finalSnapshotIdentifier": _LIFE, "skipFinalSnapshot": _LIFE},
    ),
    "aws:rds/parameterGroup:ParameterGroup": Names(
        type="AWS::RDS::DBParameterGroup", renamed={"name": "DBParameterGroupName"}
    ),
    "aws:rds/subnetGroup:SubnetGroup": Names(
        type="AWS::RDS::DBSubnetGroup",
        renamed={"name": "DBSubnetGroupName", "description": "DBSubnetGroupDescription"},
    ),
    "aws:s3/bucket:Bucket": Names(renamed={"bucket": "BucketName"}, gaps={"forceDestroy": _LIFE}),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": Names(
        type="AWS::S3::Bucket",
        part_of="bucket",
        inside="LifecycleConfiguration",
        renamed={
            "rules.filter": "",
            "rules.expiration": "",
            "rules.expiration.days": "ExpirationInDays",
            "rules.noncurrentVersionTransitions.noncurrentDays": "TransitionInDays",
        },
    ),
    "aws:s3/bucketLogging:BucketLogging": _bucket_part(
        "LoggingConfiguration", targetBucket="DestinationBucketName", targetPrefix="LogFilePrefix"
    ),
    "aws:s3/bucketNotification:BucketNotification": _bucket_part("NotificationConfiguration"),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": _bucket_part("OwnershipControls", rule="Rules"),
    "aws:s3/bucketPolicy:BucketPolicy": Names(renamed={"policy": "PolicyDocument"}),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": _bucket_part("PublicAccessBlockConfiguration"),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": Names(
        type="AWS::S3::Bucket",
        part_of="bucket",
        inside="BucketEncryption",
        renamed={
            "rules": "ServerSideEncryptionConfiguration",
            "rules.applyServerSideEncryptionByDefault": "ServerSideEncryptionByDefault",
        },
    ),
    "aws:s3/bucketVersioning:BucketVersioning": _bucket_part(),
    "aws:secretsmanager/secretRotation:SecretRotation": Names(type="AWS::SecretsManager::RotationSchedule"),
    "aws:sqs/queue:Queue": Names(
        renamed={
            "name": "QueueName",
            "messageRetentionSeconds": "MessageRetentionPeriod",
            "visibilityTimeoutSeconds": "VisibilityTimeout",
        }
    ),
    "aws:sqs/queuePolicy:QueuePolicy": Names(renamed={"queueUrl": "Queues", "policy": "PolicyDocument"}),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": _firewall_rule(
        "AWS::EC2::SecurityGroupEgress", "Destination"
    ),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": _firewall_rule(
        "AWS::EC2::SecurityGroupIngress", "Source"
    ),
}

# Types of the SDK that CloudFormation does not have.
GAPS: Mapping[str, str] = {
    "aws:autoscaling/tag:Tag": "tags a group that EKS makes; CloudFormation tags only groups of its own",
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": "changes what AWS makes with a network",
    "aws:ec2/defaultRouteTable:DefaultRouteTable": "changes what AWS makes with a network",
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": "changes what AWS makes with a network",
    "aws:ec2/securityGroupRule:SecurityGroupRule": "is either type of CloudFormation; nothing uses it here",
    "aws:ec2/tag:Tag": "tags what something else makes; CloudFormation tags only resources of its own",
    "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": (
        "CloudFormation lists the tables in the endpoint; nothing uses it here"
    ),
    "aws:secretsmanager/secretVersion:SecretVersion": "CloudFormation keeps the value in the secret itself",
}


def of(token: str) -> Names:
    """Return the names of a type of the SDK."""
    return NAMES.get(token, Names())


def derived_type(token: str) -> str | None:
    """Return the resource type of CloudFormation whose name differs in nothing but capitals."""
    _, module, name = token.split(":")
    service = module.split("/")[0]
    return schemas.resource_types().get(f"aws::{_SERVICES.get(service, service)}::{name}".lower())


def resource_type(token: str) -> str | None:
    """Return the resource type of CloudFormation of a type of the SDK, or None if there is none."""
    return of(token).type or derived_type(token)
