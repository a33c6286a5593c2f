"""Identifiers of simulated resources, as AWS would assign them: physical names, ids and ARNs."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulation.aws import published_types

# The input that names a resource in AWS, where it is not `name`.
_NAME_INPUTS: Mapping[str, str] = {
    "aws:ecr/repository:Repository": "name",
    "aws:eks/nodeGroup:NodeGroup": "nodeGroupName",
    "aws:rds/instance:Instance": "identifier",
    "aws:s3/bucket:Bucket": "bucket",
}
# Identified by the resource they belong to: no name to generate, and two of them never clash.
_UNNAMED = frozenset(
    {
        "aws:cloudwatch/eventTarget:EventTarget",
        "aws:ec2/securityGroupRule:SecurityGroupRule",
        "aws:eks/addon:Addon",
    }
)


@dataclass(frozen=True, kw_only=True)
class _Form:
    """Templates of a type's id and ARN; names in braces are filled in, inputs included."""

    id: str
    arn: str = ""


def _ec2(prefix: str, kind: str) -> _Form:
    return _Form(id=f"{prefix}-{{key}}", arn=f"arn:aws:ec2:{{region}}:{{account}}:{kind}/{{id}}")


_FORMS: Mapping[str, _Form] = {
    "aws:budgets/budget:Budget": _Form(id="{account}:{name}", arn="arn:aws:budgets::{account}:budget/{name}"),
    "aws:cloudwatch/eventRule:EventRule": _Form(
        id="{name}", arn="arn:aws:events:{region}:{account}:rule/{name}"
    ),
    "aws:cloudwatch/logGroup:LogGroup": _Form(
        id="{name}", arn="arn:aws:logs:{region}:{account}:log-group:{name}"
    ),
    "aws:ec2/eip:Eip": _ec2("eipalloc", "elastic-ip"),
    "aws:ec2/flowLog:FlowLog": _ec2("fl", "vpc-flow-log"),
    "aws:ec2/internetGateway:InternetGateway": _ec2("igw", "internet-gateway"),
    "aws:ec2/launchTemplate:LaunchTemplate": _ec2("lt", "launch-template"),
    "aws:ec2/natGateway:NatGateway": _ec2("nat", "natgateway"),
    "aws:ec2/placementGroup:PlacementGroup": _Form(
        id="{name}", arn="arn:aws:ec2:{region}:{account}:placement-group/{name}"
    ),
    "aws:ec2/route:Route": _Form(id="r-{routeTableId}{key}"),
    "aws:ec2/routeTable:RouteTable": _ec2("rtb", "route-table"),
    "aws:ec2/routeTableAssociation:RouteTableAssociation": _ec2("rtbassoc", "route-table-association"),
    "aws:ec2/securityGroup:SecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/defaultSecurityGroup:DefaultSecurityGroup": _ec2("sg", "security-group"),
    "aws:ec2/securityGroupRule:SecurityGroupRule": _Form(id="sgrule-{key}"),
    "aws:ec2/subnet:Subnet": _ec2("subnet", "subnet"),
    "aws:ec2/vpc:Vpc": _ec2("vpc", "vpc"),
    "aws:ec2/vpcEndpoint:VpcEndpoint": _ec2("vpce", "vpc-endpoint"),
    "aws:ecr/repository:Repository": _Form(
        id="{name}", arn="arn:aws:ecr:{region}:{account}:repository/{name}"
    ),
    "aws:eks/accessEntry:AccessEntry": _Form(
        id="{clusterName}:{principalArn}",
        arn="arn:aws:eks:{region}:{account}:access-entry/{clusterName}/role/{account}/{key}",
    ),
    "aws:eks/addon:Addon": _Form(
        id="{clusterName}:{addonName}",
        arn="arn:aws:eks:{region}:{account}:addon/{clusterName}/{addonName}/{key}",
    ),
    "aws:eks/cluster:Cluster": _Form(id="{name}", arn="arn:aws:eks:{region}:{account}:cluster/{name}"),
    "aws:eks/nodeGroup:NodeGroup": _Form(
        id="{clusterName}:{name}",
        arn="arn:aws:eks:{region}:{account}:nodegroup/{clusterName}/{name}/{key}",
    ),
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": _Form(
        id="a-{key}", arn="arn:aws:eks:{region}:{account}:podidentityassociation/{clusterName}/a-{key}"
    ),
    "aws:iam/instanceProfile:InstanceProfile": _Form(
        id="{name}", arn="arn:aws:iam::{account}:instance-profile/{name}"
    ),
    "aws:iam/policy:Policy": _Form(
        id="arn:aws:iam::{account}:policy/{name}", arn="arn:aws:iam::{account}:policy/{name}"
    ),
    "aws:iam/role:Role": _Form(id="{name}", arn="arn:aws:iam::{account}:role/{name}"),
    "aws:iam/rolePolicy:RolePolicy": _Form(id="{role}:{name}"),
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": _Form(id="{role}-{key}"),
    "aws:kms/alias:Alias": _Form(id="{name}", arn="arn:aws:kms:{region}:{account}:{name}"),
    "aws:kms/key:Key": _Form(id="{uuid}", arn="arn:aws:kms:{region}:{account}:key/{id}"),
    "aws:rds/instance:Instance": _Form(id="db-{key}", arn="arn:aws:rds:{region}:{account}:db:{name}"),
    "aws:rds/parameterGroup:ParameterGroup": _Form(
        id="{name}", arn="arn:aws:rds:{region}:{account}:pg:{name}"
    ),
    "aws:rds/subnetGroup:SubnetGroup": _Form(id="{name}", arn="arn:aws:rds:{region}:{account}:subgrp:{name}"),
    "aws:s3/bucket:Bucket": _Form(id="{name}", arn="arn:aws:s3:::{name}"),
    "aws:secretsmanager/secret:Secret": _Form(
        id="arn:aws:secretsmanager:{region}:{account}:secret:{name}-{key}",
        arn="arn:aws:secretsmanager:{region}:{account}:secret:{name}-{key}",
    ),
    "aws:sqs/queue:Queue": _Form(
        id="https://sqs.{region}.amazonaws.com/{account}/{name}",
        arn="arn:aws:sqs:{region}:{account}:{name}",
    ),
}


def name_input(token: str) -> str | None:
    """Return the input that names a resource of a type in AWS, or None."""
    if token in _UNNAMED:
        return None
    name = _NAME_INPUTS.get(token, "name")
    field = published_types.resource(token).inputs.get(name)
    return name if field is not None else None


def generated_name(token: str, pulumi_name: str, seed: str) -> str:
    """Return a physical name for a resource without one, as the real provider generates it."""
    name = f"{pulumi_name}-{_digest(seed)[:7]}"
    return name.lower() if token in ("aws:s3/bucket:Bucket", "aws:rds/instance:Instance") else name


def id_and_arn(
    token: str, urn: str, inputs: Mapping[str, Any], region: str, account: str, nonce: int
) -> tuple[str, str]:
    """Return the id and ARN of a resource; the nonce differs for its replacement."""
    named = name_input(token)
    key = _digest(f"{urn}\0{nonce}")[:17]
    values = {name: value for name, value in inputs.items() if isinstance(value, str)}
    values |= {
        "name": str(inputs.get(named or "") or key),
        "key": key,
        "uuid": f"{key[:8]}-{key[8:12]}-4{key[12:15]}-8000-{_digest(key)[:12]}",
        "region": region,
        "account": account,
    }
    form = _FORMS.get(token, _Form(id=str(inputs.get("bucket") or "simulated-{key}")))
    resource_id = form.id.format_map(values)
    return resource_id, form.arn.format_map(values | {"id": resource_id})


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
