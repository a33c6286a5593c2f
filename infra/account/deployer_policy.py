"""The IAM policies of whoever runs `up`: rights to what the stack's plan holds, and no more."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from infra.account import linked_roles
from infra.account.bootstrap import Backend, backend_of
from infra.account.demand import Demand
from infra.account.deployer_actions import CALLS, Calls
from infra.account.registrations import Registration
from infra.account.unique_names import OWNER_TAG
from infra.errors import InfraError
from infra.settings.cluster import EksSettings

# What AWS counts of a managed policy, white space excluded; an identity may have ten of them.
_POLICY_CHARACTERS = 6144
_MOST_POLICIES = 10
# Inputs that name a resource in AWS; without one the engine adds random digits to the name in the program.
_NAMES = ("name", "bucket", "identifier", "nodeGroupName")
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"
_ROLE = "aws:iam/role:Role"
_KEY = "aws:kms/key:Key"
# Of preflight and leftovers, and of what every run asks.
_CHECKS = (
    "acm:DescribeCertificate",
    # The program reads how many nodes each group has now.
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:DescribeAvailabilityZones",
    "ec2:DescribeCapacityReservations",
    "ec2:DescribeInstanceTypeOfferings",
    "ec2:DescribeInstanceTypes",
    "ec2:DescribeInstances",
    "ec2:DescribeRegions",
    "iam:ListRoles",
    "rds:DescribeOrderableDBInstanceOptions",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
    "ssm:GetParameter",
    "tag:GetResources",
    "sts:GetCallerIdentity",
)

Statement = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class _Place:
    """Where a stack is, as ARNs name it."""

    account: str
    region: str
    cluster: str

    def arns(self, templates: Iterable[str], names: Sequence[str]) -> Iterator[str]:
        """Yield the ARNs that templates stand for."""
        for template in templates:
            for name in names if "{name}" in template else ("",):
                yield template.format(
                    account=self.account, region=self.region, cluster=self.cluster, name=name
                )


def documents(
    demand: Demand, cluster: EksSettings, plan: Sequence[Registration]
) -> tuple[dict[str, Any], ...]:
    """Return the policies that together allow `preflight`, `images push`, `up` and `destroy` of a stack.

    Raises:
        InfraError: the plan has a type whose calls nobody has written down, or the policies are too large.
    """
    resources = [each for each in plan if each.token.startswith("aws:")]
    unknown = sorted({each.token for each in resources} - CALLS.keys())
    if unknown:
        raise InfraError(
            f"no calls are known of {', '.join(unknown)}: add them to infra/account/deployer_actions.py"
        )
    place = _Place(account=demand.account, region=demand.region, cluster=demand.cluster)
    statements = [
        *_grouped(_own(place, resources), place),
        *_identity_statements(demand, place, resources),
        *_instance_statements(place),
        *_key_statements(place),
        *_backend_statements(backend_of(cluster), place),
        _reads(resources),
    ]
    return _packed(statements)


def _names(resources: Iterable[Registration]) -> list[str]:
    """Return the physical names of resources, with a wildcard for the digits that the engine adds."""
    found: set[str] = set()
    for each in resources:
        given = next((each.inputs[key] for key in _NAMES if isinstance(each.inputs.get(key), str)), None)
        found.add(given or f"{each.name}-*")
    return sorted(found)


def _calls(resources: Iterable[Registration]) -> Iterator[tuple[Calls, list[str]]]:
    """Yield the calls of each type in a plan, with the names that its ARNs hold."""
    by_type: dict[str, list[Registration]] = {}
    for each in resources:
        by_type.setdefault(each.token, []).append(each)
    for token in sorted(by_type):
        calls = CALLS[token]
        named = [each for one in calls.names_of or (token,) for each in by_type.get(one, ())]
        yield calls, _names(named)


def _own(
    place: _Place, resources: Sequence[Registration]
) -> Iterator[tuple[tuple[str, ...], tuple[str, ...], bool]]:
    """Yield ARNs, the actions on them, and whether AWS can ask them for the stack's tag."""
    for calls, names in _calls(resources):
        arns = tuple(place.arns(calls.on, names))
        if calls.writes:
            yield arns, calls.writes, False
        if calls.deletes:
            yield arns, calls.deletes, True


def _grouped(
    rights: Iterable[tuple[tuple[str, ...], tuple[str, ...], bool]], place: _Place
) -> Iterator[Statement]:
    """Yield a statement for each set of ARNs, so that the same ARNs are not repeated."""
    merged: dict[tuple[tuple[str, ...], bool], set[str]] = {}
    for arns, actions, tagged in rights:
        merged.setdefault((arns, tagged), set()).update(actions)
    for (arns, tagged), actions in merged.items():
        yield _allow(actions, arns, _tagged("Resource", place) if tagged else {})


def _tagged(of: str, place: _Place) -> dict[str, Any]:
    return {"StringEquals": {f"aws:{of}Tag/{OWNER_TAG}": place.cluster}}


def _allow(actions: Iterable[str], resources: Iterable[str], conditions: Mapping[str, Any]) -> Statement:
    statement: dict[str, Any] = {
        "Effect": "Allow",
        "Action": sorted(set(actions)),
        "Resource": sorted(set(resources)),
    }
    return {**statement, "Condition": dict(conditions)} if conditions else statement


def _identity_statements(
    demand: Demand, place: _Place, resources: Sequence[Registration]
) -> Iterator[Statement]:
    """Yield rights about roles: to attach the plan's policies, and to pass roles to the services that act."""
    roles = list(place.arns(CALLS[_ROLE].on, _names(each for each in resources if each.token == _ROLE)))
    attached = {str(each.inputs["policyArn"]) for each in resources if each.token == _ATTACHMENT}
    if attached:
        only = {"ArnEquals": {"iam:PolicyARN": sorted(attached)}}
        yield _allow(("iam:AttachRolePolicy", "iam:DetachRolePolicy"), roles, only)
    services = {service for calls, _ in _calls(resources) for service in calls.passes_to}
    if services:
        passed = {"StringEquals": {"iam:PassedToService": sorted(services)}}
        yield _allow(("iam:PassRole",), roles, passed)
    linked = [each for each in linked_roles.needed(demand) if each.creator in ("", linked_roles.DEPLOYER)]
    yield _allow(
        ("iam:CreateServiceLinkedRole",),
        (f"arn:aws:iam::{place.account}:role/aws-service-role/{each.service}/*" for each in linked),
        {"StringEquals": {"iam:AWSServiceName": sorted(each.service for each in linked)}},
    )


def _instance_statements(place: _Place) -> Iterator[Statement]:
    """Yield what EC2 asks for tags at creation, and EKS of whoever gives it a launch template."""
    everything = f"arn:aws:ec2:{place.region}:{place.account}:*/*"
    yield _allow(("ec2:CreateTags", "ec2:DeleteTags"), (everything,), {})
    yield _allow(("ec2:RunInstances",), (everything, f"arn:aws:ec2:{place.region}::image/*"), {})


def _key_statements(place: _Place) -> Iterator[Statement]:
    # No ARN: the key does not exist yet, so the tag that it gets is what can be asked for.
    yield _allow(("kms:CreateKey", "kms:TagResource"), ("*",), _tagged("Request", place))
    granted = {**_tagged("Resource", place), "Bool": {"kms:GrantIsForAWSResource": "true"}}
    key = f"arn:aws:kms:{place.region}:{place.account}:key/*"
    # EKS, RDS, ECR and EBS use the stack's keys in the name of whoever creates their resources.
    yield _allow(("kms:CreateGrant",), (key,), granted)
    yield _allow(
        ("kms:Decrypt", "kms:Encrypt", "kms:GenerateDataKey", "kms:GenerateDataKeyWithoutPlaintext"),
        (key,),
        _tagged("Resource", place),
    )


def _backend_statements(backend: Backend, place: _Place) -> Iterator[Statement]:
    """Yield rights to the stack's state; the key of its secrets has the stack's tag, like its others."""
    bucket = f"arn:aws:s3:::{backend.bucket}"
    yield _allow(
        ("s3:DeleteObject", "s3:GetBucketLocation", "s3:GetObject", "s3:ListBucket", "s3:PutObject"),
        (bucket, f"{bucket}/*"),
        {"StringEquals": {"aws:ResourceAccount": place.account}},
    )


def _reads(resources: Sequence[Registration]) -> Statement:
    found = {action for calls, _ in _calls(resources) for action in calls.reads}
    return _allow((*found, *_CHECKS), ("*",), {})


def _packed(statements: Iterable[Statement]) -> tuple[dict[str, Any], ...]:
    """Return as few policies as AWS's limit of characters allows."""
    packed: list[list[Statement]] = [[]]
    for each in sorted(statements, key=size, reverse=True):
        if size(each) > _POLICY_CHARACTERS:
            raise InfraError(f"a statement has {size(each)} characters; AWS allows {_POLICY_CHARACTERS}")
        room = next((one for one in packed if size(_document([*one, each])) <= _POLICY_CHARACTERS), None)
        if room is None:
            packed.append([each])
        else:
            room.append(each)
    if len(packed) > _MOST_POLICIES:
        raise InfraError(f"{len(packed)} policies are needed; AWS attaches {_MOST_POLICIES} to a role")
    return tuple(_document(each) for each in packed)


def _document(statements: Sequence[Statement]) -> dict[str, Any]:
    return {"Version": "2012-10-17", "Statement": list(statements)}


def size(document: Mapping[str, Any]) -> int:
    """Return how many characters AWS counts of a policy."""
    return len(json.dumps(document, separators=(",", ":")))
