"""Rules that AWS and its provider document but the SDK's types omit: closed sets, formats, combinations."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, cast

from simulation.aws.policies import PolicyKind
from simulation.aws.wire import holds_unknown, is_unknown

# Allowed values of inputs that the SDK types as plain text; paths pass through lists without an index.
# Source: AWS API references (EKS, EC2, RDS, S3, IAM, ECR, KMS), read 2026-11.
_CLOSED_SETS: Mapping[str, Mapping[str, frozenset[str]]] = {
    "aws:eks/nodeGroup:NodeGroup": {
        "capacityType": frozenset({"ON_DEMAND", "SPOT", "CAPACITY_BLOCK"}),
        "amiType": frozenset(
            {
                "AL2023_x86_64_STANDARD",
                "AL2023_ARM_64_STANDARD",
                "AL2023_x86_64_NVIDIA",
                "AL2023_ARM_64_NVIDIA",
                "AL2023_x86_64_NEURON",
                "BOTTLEROCKET_x86_64",
                "BOTTLEROCKET_ARM_64",
                "BOTTLEROCKET_x86_64_NVIDIA",
                "BOTTLEROCKET_ARM_64_NVIDIA",
                "BOTTLEROCKET_x86_64_FIPS",
                "BOTTLEROCKET_ARM_64_FIPS",
                "CUSTOM",
            }
        ),
        "taints.effect": frozenset({"NO_SCHEDULE", "NO_EXECUTE", "PREFER_NO_SCHEDULE"}),
        "updateConfig.updateStrategy": frozenset({"DEFAULT", "MINIMAL"}),
    },
    "aws:eks/cluster:Cluster": {
        "accessConfig.authenticationMode": frozenset({"API", "API_AND_CONFIG_MAP", "CONFIG_MAP"}),
        "enabledClusterLogTypes": frozenset(
            {"api", "audit", "authenticator", "controllerManager", "scheduler"}
        ),
        "encryptionConfig.resources": frozenset({"secrets"}),
        "upgradePolicy.supportType": frozenset({"STANDARD", "EXTENDED"}),
        "kubernetesNetworkConfig.ipFamily": frozenset({"ipv4", "ipv6"}),
    },
    "aws:eks/addon:Addon": {
        "resolveConflictsOnCreate": frozenset({"NONE", "OVERWRITE"}),
        "resolveConflictsOnUpdate": frozenset({"NONE", "OVERWRITE", "PRESERVE"}),
    },
    "aws:eks/accessEntry:AccessEntry": {
        "type": frozenset(
            {"STANDARD", "EC2_LINUX", "EC2_WINDOWS", "FARGATE_LINUX", "EC2", "HYBRID_LINUX", "HYPERPOD_LINUX"}
        ),
    },
    "aws:eks/accessPolicyAssociation:AccessPolicyAssociation": {
        "accessScope.type": frozenset({"cluster", "namespace"}),
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {
        "metadataOptions.httpTokens": frozenset({"required", "optional"}),
        "metadataOptions.httpEndpoint": frozenset({"enabled", "disabled"}),
        "blockDeviceMappings.ebs.volumeType": frozenset(
            {"gp2", "gp3", "io1", "io2", "st1", "sc1", "standard"}
        ),
        "instanceMarketOptions.marketType": frozenset({"spot", "capacity-block"}),
        "networkInterfaces.interfaceType": frozenset({"interface", "efa", "efa-only"}),
        "tagSpecifications.resourceType": frozenset(
            {"instance", "volume", "network-interface", "spot-instances-request", "elastic-gpu"}
        ),
    },
    "aws:ec2/vpcEndpoint:VpcEndpoint": {
        "vpcEndpointType": frozenset({"Gateway", "Interface", "GatewayLoadBalancer"}),
    },
    "aws:ec2/placementGroup:PlacementGroup": {
        "strategy": frozenset({"cluster", "partition", "spread"}),
    },
    "aws:ec2/flowLog:FlowLog": {
        "trafficType": frozenset({"ACCEPT", "REJECT", "ALL"}),
        "logDestinationType": frozenset({"cloud-watch-logs", "s3", "kinesis-data-firehose"}),
    },
    "aws:rds/instance:Instance": {
        "engine": frozenset({"postgres", "mysql", "mariadb"}),
        "storageType": frozenset({"gp2", "gp3", "io1", "io2", "standard"}),
    },
    "aws:rds/parameterGroup:ParameterGroup": {
        "parameters.applyMethod": frozenset({"immediate", "pending-reboot"}),
    },
    "aws:s3/bucketVersioning:BucketVersioning": {
        "versioningConfiguration.status": frozenset({"Enabled", "Suspended", "Disabled"}),
    },
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": {
        "rules.status": frozenset({"Enabled", "Disabled"}),
    },
    "aws:s3/bucketServerSideEncryptionConfiguration:BucketServerSideEncryptionConfiguration": {
        "rules.applyServerSideEncryptionByDefault.sseAlgorithm": frozenset(
            {"AES256", "aws:kms", "aws:kms:dsse"}
        ),
    },
    "aws:s3/bucketOwnershipControls:BucketOwnershipControls": {
        "rule.objectOwnership": frozenset({"BucketOwnerPreferred", "ObjectWriter", "BucketOwnerEnforced"}),
    },
    "aws:ecr/repository:Repository": {
        "imageTagMutability": frozenset(
            {"MUTABLE", "IMMUTABLE", "MUTABLE_WITH_EXCLUSION", "IMMUTABLE_WITH_EXCLUSION"}
        ),
        "encryptionConfigurations.encryptionType": frozenset({"AES256", "KMS", "KMS_DSSE"}),
    },
}

# Formats that AWS checks only when it creates the resource.
_FORMATS: Mapping[str, Mapping[str, str]] = {
    "aws:s3/bucket:Bucket": {"bucket": r"(?!xn--)(?!.*\.\.)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"},
    "aws:iam/role:Role": {"name": r"[\w+=,.@-]{1,64}"},
    "aws:iam/policy:Policy": {"name": r"[\w+=,.@-]{1,128}"},
    "aws:eks/cluster:Cluster": {"name": r"[0-9A-Za-z][0-9A-Za-z_-]{0,99}", "version": r"1\.[0-9]{2}"},
    "aws:eks/nodeGroup:NodeGroup": {"nodeGroupName": r"[0-9A-Za-z][0-9A-Za-z_-]{0,62}"},
    "aws:rds/instance:Instance": {
        "identifier": r"(?!.*--)[a-z][a-z0-9-]{0,62}(?<!-)",
        "finalSnapshotIdentifier": r"(?!.*--)[A-Za-z][A-Za-z0-9-]{0,254}(?<!-)",
        "dbName": r"[A-Za-z][A-Za-z0-9_]{0,62}",
        "instanceClass": r"db\.[a-z0-9-]+\.[a-z0-9]+",
    },
    "aws:ec2/launchTemplate:LaunchTemplate": {"name": r"[\w().\-/]{3,128}"},
    "aws:ecr/repository:Repository": {"name": r"[a-z0-9]+([._/-][a-z0-9]+)*"},
    "aws:kms/alias:Alias": {"name": r"alias/(?!aws/)[\w/-]+"},
}

# The form of an identifier shows its kind: a name in place of an ARN fails only when AWS creates something.
_REFERENCES: tuple[tuple[str, str], ...] = (
    (r"(^|.*\.)vpcId", r"vpc-\w+"),
    (r"(^|.*\.)subnetIds?", r"subnet-\w+"),
    (r"(^|.*\.)(vpcS|s|sourceS|referencedS)ecurityGroupIds?", r"sg-\w+"),
    (r"(^|.*\.)routeTableIds?", r"rtb-\w+"),
    (r"natGatewayId", r"nat-\w+"),
    (r"allocationId", r"eipalloc-\w+"),
    (
        r"(^|.*\.)(role|nodeRole|monitoringRole|iamRole|serviceAccountRole|principal)Arn",
        r"arn:aws[\w-]*:iam::\d{12}:.+",
    ),
    (r"(^|.*\.)policyArn", r"arn:aws[\w-]*:(iam|eks)::(aws|\d{12}):.+"),
    (
        r"(^|.*\.)(keyArn|kmsKeyArn|kmsMasterKeyId|performanceInsightsKmsKeyId)",
        r"(arn:aws[\w-]*:kms:.+|alias/.+|[0-9a-f-]{36})",
    ),
    (r"(^|.*\.)cidrBlock|(^|.*\.)cidrIpv4|(^|.*\.)destinationCidrBlock", r"\d+\.\d+\.\d+\.\d+/\d+"),
)

# Pairs of inputs that exclude each other.
_CONFLICTS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "aws:ec2/launchTemplate:LaunchTemplate": (
        ("name", "namePrefix"),
        # EC2 accepts security groups on the interface or on the instance, not both.
        ("networkInterfaces", "vpcSecurityGroupIds"),
    ),
    "aws:eks/nodeGroup:NodeGroup": (
        ("launchTemplate", "remoteAccess"),
        ("launchTemplate", "diskSize"),
        ("nodeGroupName", "nodeGroupNamePrefix"),
    ),
    "aws:rds/instance:Instance": (
        ("password", "manageMasterUserPassword"),
        ("identifier", "identifierPrefix"),
    ),
    "aws:iam/role:Role": (("name", "namePrefix"),),
    "aws:s3/bucket:Bucket": (("bucket", "bucketPrefix"),),
}

_POLICY_INPUTS: Mapping[str, Mapping[str, PolicyKind]] = {
    "aws:iam/role:Role": {"assumeRolePolicy": "trust"},
    "aws:iam/policy:Policy": {"policy": "identity"},
    "aws:iam/rolePolicy:RolePolicy": {"policy": "identity"},
    "aws:s3/bucketPolicy:BucketPolicy": {"policy": "resource"},
    "aws:kms/key:Key": {"policy": "resource"},
    "aws:sqs/queue:Queue": {"policy": "resource"},
    "aws:sqs/queuePolicy:QueuePolicy": {"policy": "resource"},
    "aws:ec2/vpcEndpoint:VpcEndpoint": {"policy": "resource"},
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": {"policy": "identity"},
}


def policy_inputs(token: str) -> Mapping[str, PolicyKind]:
    """Return the inputs of a resource that hold policy documents."""
    return _POLICY_INPUTS.get(token, {})


def find_violations(token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the path and reason of every documented rule that the inputs violate."""
    leaves = list(_leaves(inputs, ""))
    for path, value in leaves:
        if not isinstance(value, str) or holds_unknown(value):
            continue
        allowed = _CLOSED_SETS.get(token, {}).get(path)
        if allowed is not None and value not in allowed:
            yield path, f"is {value!r}; AWS allows: {', '.join(sorted(allowed))}"
        pattern = _FORMATS.get(token, {}).get(path)
        if pattern is not None and not re.fullmatch(pattern, value):
            yield path, f"is {value!r}; AWS requires {pattern}"
        for name, form in _REFERENCES:
            if re.fullmatch(name, path) and not re.fullmatch(form, value):
                yield path, f"is {value!r}; it must look like {form}"
    for one, other in _CONFLICTS.get(token, ()):
        if _is_set(inputs, one) and _is_set(inputs, other):
            yield one, f"excludes {other}: give one of them"
    if token == "aws:rds/instance:Instance":
        yield from _check_database(inputs)
    if token == "aws:eks/nodeGroup:NodeGroup":
        yield from _check_node_group(inputs)


def _check_database(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    is_new = not (_is_set(inputs, "snapshotIdentifier") or _is_set(inputs, "replicateSourceDb"))
    for name in ("engine", "allocatedStorage", "username"):
        if is_new and inputs.get(name) is None:
            yield name, "is required for a new database"
    if is_new and not (_is_set(inputs, "password") or _is_set(inputs, "manageMasterUserPassword")):
        yield "password", "is required, or manageMasterUserPassword"
    if not inputs.get("skipFinalSnapshot") and inputs.get("finalSnapshotIdentifier") is None:
        yield "finalSnapshotIdentifier", "is required, or skipFinalSnapshot: without either destroy fails"
    if inputs.get("multiAz") is True and inputs.get("availabilityZone") is not None:
        yield "availabilityZone", "excludes multiAz"
    retention = inputs.get("backupRetentionPeriod")
    if isinstance(retention, int) and not 0 <= retention <= 35:
        yield "backupRetentionPeriod", f"is {retention}; AWS keeps backups 0 to 35 days"


def _check_node_group(inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    scaling: Any = inputs.get("scalingConfig")
    if not isinstance(scaling, dict) or is_unknown(scaling):
        return
    table = cast("dict[str, Any]", scaling)
    sizes = [table.get(key) for key in ("minSize", "desiredSize", "maxSize")]
    known = [each for each in sizes if isinstance(each, int)]
    if len(known) < len(sizes):
        return
    low, desired, high = known
    if high < 1:
        yield "scalingConfig.maxSize", f"is {high}; EKS requires at least 1"
    if not low <= desired <= high:
        yield "scalingConfig.desiredSize", f"is {desired}; it must be from {low} to {high}"


def _is_set(inputs: Mapping[str, Any], name: str) -> bool:
    return inputs.get(name) not in (None, False, [], {}, "")


def _leaves(value: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every value with its path; lists add nothing to the path."""
    if isinstance(value, dict):
        for name, each in cast("Mapping[str, Any]", value).items():
            yield from _leaves(each, f"{path}.{name}" if path else name)
    elif isinstance(value, list):
        for each in cast("list[Any]", value):
            yield from _leaves(each, path)
    else:
        yield path, value
