"""Inputs whose change makes AWS replace a resource: a manual table, because the SDK does not publish it.

Source: `ForceNew` and `RequiresReplace` in the schemas of hashicorp/terraform-provider-aws, the provider that
pulumi-aws bridges (`internal/service/*`; eks/cluster.go and rds/instance.go read line by line, the rest from
its documentation). Where releases differ, the stricter one applies. The provider refuses types that are
missing here, so no resource passes unchecked.
"""

from collections.abc import Mapping
from typing import Any, cast

_ALL = "*"
_NAMED = ("name", "namePrefix")

# Paths of inputs by type; an empty tuple means that every input can be changed in place.
_REPLACES: Mapping[str, tuple[str, ...]] = {
    "aws:autoscaling/tag:Tag": ("autoscalingGroupName", "tag.key"),
    "aws:budgets/budget:Budget": (*_NAMED, "accountId"),
    "aws:cloudwatch/eventRule:EventRule": (*_NAMED, "eventBusName"),
    "aws:cloudwatch/eventTarget:EventTarget": ("rule", "eventBusName", "targetId"),
    "aws:cloudwatch/logGroup:LogGroup": (*_NAMED, "logGroupClass"),
    "aws:ec2/defaultNetworkAcl:DefaultNetworkAcl": ("defaultNetworkAclId",),
    "aws:ec2/defaultRouteTable:DefaultRouteTable": ("defaultRouteTableId",),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": ("vpcId",),
    "aws:ec2/eip:Eip": ("domain", "address", "networkBorderGroup", "publicIpv4Pool"),
    "aws:ec2/flowLog:FlowLog": (
        "vpcId",
        "subnetId",
        "eniId",
        "trafficType",
        "logDestination",
        "logDestinationType",
        "iamRoleArn",
        "logFormat",
        "maxAggregationInterval",
        "destinationOptions",
    ),
    "aws:ec2/internetGateway:InternetGateway": (),
    "aws:ec2/launchTemplate:LaunchTemplate": _NAMED,
    "aws:ec2/natGateway:NatGateway": ("allocationId", "subnetId", "connectivityType", "privateIp", "vpcId"),
    "aws:ec2/placementGroup:PlacementGroup": ("name", "strategy", "partitionCount", "spreadLevel"),
    "aws:ec2/route:Route": (
        "routeTableId",
        "destinationCidrBlock",
        "destinationIpv6CidrBlock",
        "destinationPrefixListId",
    ),
    "aws:ec2/routeTable:RouteTable": ("vpcId",),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": ("subnetId", "gatewayId"),
    "aws:ec2/securityGroup:SecurityGroup": (*_NAMED, "description", "vpcId"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": (
        "type",
        "protocol",
        "fromPort",
        "toPort",
        "cidrBlocks",
        "ipv6CidrBlocks",
        "prefixListIds",
        "securityGroupId",
        "sourceSecurityGroupId",
        "self",
    ),
    "aws:ec2/subnet:Subnet": (
        "vpcId",
        "cidrBlock",
        "availabilityZone",
        "availabilityZoneId",
        "ipv6Native",
        "outpostArn",
    ),
    "aws:ec2/tag:Tag": ("resourceId", "key"),
    "aws:ec2/vpc:Vpc": ("cidrBlock", "instanceTenancy", "ipv4IpamPoolId", "ipv4NetmaskLength"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": ("vpcId", "serviceName", "vpcEndpointType", "serviceRegion"),
    "aws:ec2/vpcEndpointRouteTableAssociation:VpcEndpointRouteTableAssociation": (_ALL,),
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": ("repository", "policy"),
    "aws:ecr/repository:Repository": ("name", "encryptionConfigurations"),
    "aws:ecr/repositoryPolicy:RepositoryPolicy": ("repository",),
    "aws:eks/accessEntry:AccessEntry": ("clusterName", "principalArn", "type"),
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": (_ALL,),
    "aws:eks/addon:Addon": ("addonName", "clusterName"),
    "aws:eks/cluster:Cluster": (
        "name",
        "roleArn",
        "bootstrapSelfManagedAddons",
        "accessConfig.bootstrapClusterCreatorAdminPermissions",
        "kubernetesNetworkConfig.serviceIpv4Cidr",
        "kubernetesNetworkConfig.ipFamily",
        "encryptionConfig.provider.keyArn",
        "encryptionConfig.resources",
        "remoteNetworkConfig",
        "outpostConfig",
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        "amiType",
        "capacityType",
        "clusterName",
        "diskSize",
        "instanceTypes",
        "launchTemplate.id",
        "launchTemplate.name",
        "nodeGroupName",
        "nodeGroupNamePrefix",
        "nodeRoleArn",
        "remoteAccess",
        "subnetIds",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": ("clusterName", "namespace", "serviceAccount"),
    "aws:iam/instanceProfile:InstanceProfile": (*_NAMED, "path"),
    "aws:iam/openIdConnectProvider:OpenIdConnectProvider": ("url",),
    "aws:iam/policy:Policy": (*_NAMED, "path", "description"),
    "aws:iam/role:Role": (*_NAMED, "path"),
    "aws:iam/rolePolicy:RolePolicy": (*_NAMED, "role"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": (_ALL,),
    "aws:kms/alias:Alias": _NAMED,
    "aws:kms/key:Key": ("customerMasterKeySpec", "keyUsage", "multiRegion", "customKeyStoreId", "xksKeyId"),
    "aws:rds/instance:Instance": (
        "availabilityZone",
        "characterSetName",
        "customIamInstanceProfile",
        "dbName",
        "engine",
        "identifier",
        "identifierPrefix",
        "kmsKeyId",
        "ncharCharacterSetName",
        "restoreToPointInTime",
        "snapshotIdentifier",
        "storageEncrypted",
        "timezone",
        "username",
    ),
    "aws:rds/parameterGroup:ParameterGroup": (*_NAMED, "family", "description"),
    "aws:rds/subnetGroup:SubnetGroup": _NAMED,
    "aws:s3/bucket:Bucket": ("bucket", "bucketPrefix", "objectLockEnabled", "bucketNamespace"),
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": ("bucket", "expectedBucketOwner"),
    "aws:s3/bucketLogging:BucketLogging": ("bucket", "expectedBucketOwner"),
    "aws:s3/bucketNotification:BucketNotification": ("bucket",),
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": ("bucket",),
    "aws:s3/bucketPolicy:BucketPolicy": ("bucket",),
    "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock": ("bucket",),
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": (
        "bucket",
        "expectedBucketOwner",
    ),
    "aws:s3/bucketVersioning:BucketVersioning": ("bucket", "expectedBucketOwner"),
    "aws:secretsmanager/secret:Secret": _NAMED,
    "aws:secretsmanager/secretRotation:SecretRotation": ("secretId",),
    "aws:secretsmanager/secretVersion:SecretVersion": ("secretId", "secretString"),
    "aws:sqs/queue:Queue": (*_NAMED, "fifoQueue"),
    "aws:sqs/queuePolicy:QueuePolicy": ("queueUrl",),
    "aws:ssm/parameter:Parameter": ("name", "dataType"),
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": ("securityGroupId",),
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": ("securityGroupId",),
}

# Resources that hold data or identity, which cannot be recreated.
STATEFUL = frozenset(
    {
        "aws:ecr/repository:Repository",
        "aws:eks/cluster:Cluster",
        "aws:kms/key:Key",
        "aws:rds/instance:Instance",
        "aws:s3/bucket:Bucket",
    }
)


def is_listed(token: str) -> bool:
    """Return whether the table lists a type."""
    return token in _REPLACES


def tokens() -> list[str]:
    """Return every type of the table."""
    return sorted(_REPLACES)


def paths(token: str) -> tuple[str, ...]:
    """Return the inputs of a type whose change replaces it."""
    return _REPLACES[token]


def changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the top-level inputs that differ; null is the same as absent."""
    names = sorted({*old, *new})
    return [name for name in names if not name.startswith("__") and old.get(name) != new.get(name)]


def replacing(token: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    """Return the paths of changed inputs that make AWS replace the resource."""
    listed = _REPLACES.get(token, ())
    differing = changed(old, new)
    if _ALL in listed:
        return [name for name in differing if name not in ("tags", "tagsAll")]
    differing_paths = [path for path in listed if _values(old, path) != _values(new, path)]
    # Encryption of a cluster's secrets can be added but not removed.
    return [
        path
        for path in differing_paths
        if not (path.startswith("encryptionConfig.") and old.get("encryptionConfig") is None)
    ]


def _values(value: Any, path: str) -> list[Any]:
    """Return the values at a path, for every item of the lists on its way."""
    if isinstance(value, list):
        return [inner for each in cast("list[Any]", value) for inner in _values(each, path)]
    if not path:
        return [value]
    name, _, rest = path.partition(".")
    inner = cast("dict[str, Any]", value).get(name) if isinstance(value, dict) else None
    return [] if inner is None else (_values(inner, rest) if rest else [inner])
