"""Computes outputs of resources as AWS would: known outputs by type, neutral values for the rest."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulation.aws import node_groups, published_types
from simulation.aws.identities import id_and_arn, name_input
from simulation.aws.published_types import AnyOf, ListOf, Record, Shape

# Value of every simulated text that no rule below fills; also marks every resource's state.
SIMULATED = "simulated"
_PORTS = {"postgres": 5432, "mysql": 3306, "mariadb": 3306}


@dataclass(frozen=True, kw_only=True)
class Site:
    """Account and region of simulated resources, and the API server that stands for every cluster's."""

    region: str
    account: str = "123456789012"
    """The account number of AWS's own documentation."""
    api_server: str = ""
    api_authority: str = ""
    """The API server's authority as EKS gives it: base64 of PEM."""


def outputs(
    token: str, urn: str, inputs: Mapping[str, Any], site: Site, nonce: int
) -> tuple[str, dict[str, Any]]:
    """Return the id and all outputs of a resource.

    Args:
        token: type of the resource.
        urn: address of the resource in the stack.
        inputs: checked inputs.
        site: account and region.
        nonce: number that differs between a resource and its replacement.
    """
    region = str(inputs.get("region") or site.region)
    resource_id, arn = id_and_arn(token, urn, inputs, region, site.account, nonce)
    values: dict[str, Any] = {
        name: _neutral(shape)
        for name, shape in published_types.resource(token).outputs.items()
        if name not in published_types.resource(token).inputs
    }
    tags = dict(inputs.get("tags") or {})
    facts = {"arn": arn, "region": region, "tagsAll": tags}
    facts |= dict.fromkeys(("ownerId", "registryId"), site.account)
    known = published_types.resource(token).outputs
    values |= {name: value for name, value in facts.items() if name in known}
    values |= inputs
    if token in _KNOWN:
        name = str(inputs.get(name_input(token) or "") or resource_id)
        values |= _KNOWN[token](_Made(name=name, id=resource_id, inputs=inputs, site=site, region=region))
    return resource_id, values | {"__simulated": True}


def unknown_until_made(token: str) -> list[str]:
    """Return the outputs that a preview of a new resource cannot know."""
    published = published_types.resource(token)
    computed = [name for name in published.outputs if name not in published.inputs]
    return [*computed, *_COMPUTED_INPUTS.get(token, ())]


def unknown_in_every_preview(token: str) -> list[str]:
    """Return the outputs that stay unknown in every preview of a new resource."""
    return ["endpoint"] if token == "aws:eks/cluster:Cluster" else []


def renewed_by_update(token: str) -> list[str]:
    """Return the outputs that a preview of a changed resource cannot know."""
    return ["latestVersion"] if token == "aws:ec2/launchTemplate:LaunchTemplate" else []


# Inputs that AWS sets if the program does not.
_COMPUTED_INPUTS: Mapping[str, tuple[str, ...]] = {
    "aws:rds/instance:Instance": ("port",),
}


@dataclass(frozen=True, kw_only=True)
class _Made:
    """A resource that was just created or changed."""

    name: str
    id: str
    inputs: Mapping[str, Any]
    site: Site
    region: str


def _cluster(made: _Made) -> dict[str, Any]:
    issuer = f"https://oidc.eks.{made.region}.amazonaws.com/id/{SIMULATED}"
    return {
        "endpoint": made.site.api_server or f"https://{SIMULATED}.gr7.{made.region}.eks.amazonaws.com",
        "certificateAuthority": {"data": made.site.api_authority or "c2ltdWxhdGVk"},
        "identities": [{"oidcs": [{"issuer": issuer}]}],
        "platformVersion": f"eks.1-{SIMULATED}",
        "status": "ACTIVE",
        "vpcConfig": {
            **made.inputs["vpcConfig"],
            "clusterSecurityGroupId": "sg-0123456789abcdef0",
            "vpcId": "vpc-0123456789abcdef0",
        },
    }


def _node_group(made: _Made) -> dict[str, Any]:
    group = {"name": node_groups.scaling_group(made.name)}
    return {"status": "ACTIVE", "resources": [{"autoscalingGroups": [group]}]}


def _database(made: _Made) -> dict[str, Any]:
    port = int(made.inputs.get("port") or _PORTS.get(str(made.inputs.get("engine")), 5432))
    address = f"{made.name}.{SIMULATED}.{made.region}.rds.amazonaws.com"
    values: dict[str, Any] = {
        "address": address,
        "endpoint": f"{address}:{port}",
        "port": port,
        "resourceId": made.id,
        "status": "available",
    }
    if made.inputs.get("manageMasterUserPassword"):
        arn = f"arn:aws:secretsmanager:{made.region}:{made.site.account}:secret:rds!{made.id}"
        values["masterUserSecrets"] = [{"secretArn": arn, "secretStatus": "active", "kmsKeyId": SIMULATED}]
    return values


def _bucket(made: _Made) -> dict[str, Any]:
    return {
        "bucketDomainName": f"{made.name}.s3.amazonaws.com",
        "bucketRegionalDomainName": f"{made.name}.s3.{made.region}.amazonaws.com",
        "bucketRegion": made.region,
    }


def _vpc(made: _Made) -> dict[str, Any]:
    suffix = made.id.removeprefix("vpc")
    return {
        "defaultSecurityGroupId": f"sg{suffix}",
        "defaultRouteTableId": f"rtb{suffix}",
        "defaultNetworkAclId": f"acl{suffix}",
        "mainRouteTableId": f"rtb{suffix}",
    }


def _repository(made: _Made) -> dict[str, Any]:
    return {"repositoryUrl": f"{made.site.account}.dkr.ecr.{made.region}.amazonaws.com/{made.name}"}


# Outputs that programs read and that need more than a neutral value.
_KNOWN: Mapping[str, Callable[[_Made], dict[str, Any]]] = {
    "aws:ec2/eip:Eip": lambda made: {"allocationId": made.id, "publicIp": "203.0.113.10"},
    "aws:ec2/launchTemplate:LaunchTemplate": lambda _: {"latestVersion": 1, "defaultVersion": 1},
    "aws:ec2/vpc:Vpc": _vpc,
    "aws:ec2/vpcEndpoint:VpcEndpoint": lambda _: {"prefixListId": "pl-0123456789abcdef0"},
    "aws:ecr/repository:Repository": _repository,
    "aws:eks/cluster:Cluster": _cluster,
    "aws:eks/nodeGroup:NodeGroup": _node_group,
    "aws:eks/podIdentityAssociation:PodIdentityAssociation": lambda made: {"associationId": made.id},
    "aws:kms/key:Key": lambda made: {"keyId": made.id},
    "aws:rds/instance:Instance": _database,
    "aws:s3/bucket:Bucket": _bucket,
    "aws:sqs/queue:Queue": lambda made: {"url": made.id},
}


def _neutral(shape: Shape) -> Any:
    match shape:
        case ListOf():
            return []
        case Record():
            return {name: _neutral(field.shape) for name, field in shape.fields.items()}
        case AnyOf(options=options):
            return _neutral(options[0])
        case published_types.MapOf():
            return {}
        case published_types.Scalar(kind=kind):
            return {"string": SIMULATED, "integer": 0, "number": 0, "boolean": False}.get(kind)
