"""vCPU quotas of EC2: which quota applies to an instance, and how much of it is needed, used and granted."""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.account.demand import Demand, NodePool
from infra.account.session import Account, code_of
from infra.settings.cluster import CapacityType

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import InstanceTypeDef

_FAMILY = re.compile(r"^([a-z]+)(\d*)")


@dataclass(frozen=True, kw_only=True)
class Quota:
    """A quota of an account in a region, identified as in Service Quotas."""

    service: str
    code: str
    name: str


ON_DEMAND_STANDARD = Quota(
    service="ec2", code="L-1216C47A", name="Running On-Demand Standard (A, C, D, H, I, M, R, T, Z) instances"
)
ON_DEMAND_G = Quota(service="ec2", code="L-DB2E81BA", name="Running On-Demand G and VT instances")
ON_DEMAND_P = Quota(service="ec2", code="L-417A185B", name="Running On-Demand P instances")
SPOT_STANDARD = Quota(
    service="ec2", code="L-34B43A08", name="All Standard (A, C, D, H, I, M, R, T, Z) Spot Instance Requests"
)
SPOT_G = Quota(service="ec2", code="L-3819A6DF", name="All G and VT Spot Instance Requests")
SPOT_P2_TO_P4 = Quota(service="ec2", code="L-7212CCBC", name="All P4, P3 and P2 Spot Instance Requests")
SPOT_P5 = Quota(service="ec2", code="L-C4BD4855", name="All P5 Spot Instance Requests")
ADDRESSES = Quota(service="ec2", code="L-0263D0A3", name="EC2-VPC Elastic IPs")
NETWORKS = Quota(service="vpc", code="L-F678F1CE", name="VPCs per Region")


def quota_of(instance_type: str, *, spot: bool) -> Quota | None:
    """Return the quota that counts an instance's vCPUs, or None for a family that no stack can use."""
    match = _FAMILY.match(instance_type)
    letters, generation = match.groups() if match else ("", "")
    if letters in ("g", "gr", "vt"):
        return SPOT_G if spot else ON_DEMAND_G
    if letters == "p":
        if not spot:
            return ON_DEMAND_P
        return SPOT_P2_TO_P4 if generation in ("2", "3", "4") else SPOT_P5
    if letters and letters[0] in "acdhimrtz" and letters not in ("dl", "hpc", "inf", "mac", "trn"):
        return SPOT_STANDARD if spot else ON_DEMAND_STANDARD
    return None


def needed(pools: Iterable[NodePool], vcpus: Mapping[str, int]) -> dict[Quota, dict[str, int]]:
    """Return quota -> pool -> vCPUs at max; of several types, the one that needs most counts.

    Quotas do not count capacity blocks and reservations, which were granted when they were bought.
    """
    needs: dict[Quota, dict[str, int]] = defaultdict(dict)
    for pool in pools:
        if pool.reservation or pool.capacity_type is CapacityType.CAPACITY_BLOCK:
            continue
        for name, count in pool.max_by_type.items():
            quota = quota_of(name, spot=pool.capacity_type is CapacityType.SPOT)
            if quota and name in vcpus:
                needs[quota][pool.name] = max(needs[quota].get(pool.name, 0), count * vcpus[name])
    return dict(needs)


def vcpus(account: Account, names: Iterable[str]) -> dict[str, int]:
    """Return the vCPUs of the instance types that AWS knows, from AWS and not from our table."""
    sizes: dict[str, int] = {}
    for name in sorted(set(names)):
        try:
            (described,) = account.ec2.describe_instance_types(InstanceTypes=[name])["InstanceTypes"]  # type: ignore[list-item]
        except ClientError as error:
            if code_of(error) != "InvalidInstanceType":
                raise
        else:
            sizes[name] = described.get("VCpuInfo", {}).get("DefaultVCpus", 0)
    return sizes


def used_by_others(account: Account, demand: Demand) -> dict[Quota, int]:
    """Return the vCPUs of all running instances of the region that are not nodes of this stack's cluster."""
    running = [{"Name": "instance-state-name", "Values": ["pending", "running"]}]
    pages = account.ec2.get_paginator("describe_instances").paginate(Filters=running)  # type: ignore[arg-type]
    others = Counter(
        (instance.get("InstanceType", ""), instance.get("InstanceLifecycle") == "spot")
        for page in pages
        for reservation in page["Reservations"]
        for instance in reservation.get("Instances", [])
        if not _is_node(instance, demand.cluster)
    )
    sizes = vcpus(account, (name for name, _ in others))
    used: Counter[Quota] = Counter()
    for (name, spot), count in others.items():
        quota = quota_of(name, spot=spot)
        if quota:
            used[quota] += count * sizes.get(name, 0)
    return dict(used)


def _is_node(instance: "InstanceTypeDef", cluster: str) -> bool:
    tags = {tag.get("Key"): tag.get("Value") for tag in instance.get("Tags", [])}
    return f"kubernetes.io/cluster/{cluster}" in tags or tags.get("eks:cluster-name") == cluster


def granted(account: Account, quota: Quota) -> int:
    """Return the account's value of a quota in the region, by default AWS's default value."""
    try:
        answer = account.quotas.get_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    except ClientError as error:
        if code_of(error) != "NoSuchResourceException":
            raise
        answer = account.quotas.get_aws_default_service_quota(ServiceCode=quota.service, QuotaCode=quota.code)
    return int(answer["Quota"].get("Value", 0))
