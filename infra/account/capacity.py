"""Checks of `preflight`: zones, instance types, quotas and reservations, for every pool at its max."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.account import quotas
from infra.account.demand import Demand, NodePool
from infra.account.finding import Finding
from infra.account.names import OWNER_TAG
from infra.account.quotas import Quota
from infra.account.session import Account, code_of

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import CapacityReservationTypeDef

# EKS puts no control plane there, whichever letter the account sees.
_WITHOUT_EKS = {"use1-az3", "usw1-az2", "cac1-az3"}


def zones(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether each zone of the stack can be used."""
    listed = account.ec2.describe_availability_zones(AllAvailabilityZones=True)["AvailabilityZones"]
    known = {each.get("ZoneName", ""): each for each in listed if each.get("ZoneType") == "availability-zone"}
    usable = sorted(
        name
        for name, each in known.items()
        if each.get("State") == "available" and each.get("ZoneId") not in _WITHOUT_EKS
    )
    remedy = f"choose plinth:cluster.availabilityZones among {', '.join(usable)}"
    for zone in demand.zones:
        if zone not in known:
            yield Finding("zones", zone, "the account has no such zone", remedy, failed=True)
        elif zone not in usable:
            zone_id = known[zone].get("ZoneId")
            why = (
                f"is {zone_id}, where EKS has no control plane"
                if zone_id in _WITHOUT_EKS
                else f"is {known[zone].get('State')}"
            )
            yield Finding("zones", zone, why, remedy, failed=True)
        else:
            yield Finding("zones", zone, "available")


def instance_types(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether each type is sold where its pool may run."""
    names = sorted({name for pool in demand.pools for name in pool.most})
    pages = account.ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": names}]
    )
    sold: dict[str, set[str]] = defaultdict(set)
    for page in pages:
        for offering in page["InstanceTypeOfferings"]:
            sold[str(offering.get("InstanceType"))].add(offering.get("Location", ""))
    for pool in demand.pools:
        for name in pool.most:
            yield _offered(pool, name, sold[name])


def _offered(pool: NodePool, name: str, sold: set[str]) -> Finding:
    subject = f"{name} of {pool.name}"
    there = sorted(sold & set(pool.zones))
    if there:
        return Finding("instance types", subject, f"sold in {', '.join(there)}")
    if sold:
        remedy = f"set the pool's zones to one of {', '.join(sorted(sold))}, or choose another type"
    else:
        remedy = "choose another type or another region"
    wanted = ", ".join(pool.zones)
    return Finding("instance types", subject, f"not sold in {wanted}", remedy, failed=True)


def vcpu_quotas(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether every quota leaves room for the pools that it counts, all at max."""
    used = quotas.used_by_others(account, demand)
    # A type that AWS does not know counts for nothing here: the check of types names it.
    sizes = quotas.vcpus(account, (name for pool in demand.pools for name in pool.most))
    for quota, pools in quotas.needed(demand.pools, sizes).items():
        who = ", ".join(f"{name} {count}" for name, count in pools.items())
        yield _room(
            demand,
            quota,
            need=sum(pools.values()),
            used=used.get(quota, 0),
            granted=quotas.granted(account, quota),
            unit="vCPUs",
            who=f" ({who})",
            instead=f"or lower max of {' or '.join(pools)}",
        )


def network_quotas(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether a network of its own fits; one that the stack has already needs no second."""
    own = {"Name": f"tag:{OWNER_TAG}", "Values": [demand.cluster]}
    if account.ec2.describe_vpcs(Filters=[own])["Vpcs"]:  # type: ignore[list-item]
        yield Finding("network quotas", demand.cluster, "its network exists already")
        return
    counts = (
        (quotas.NETWORKS, 1, len(account.ec2.describe_vpcs()["Vpcs"]), "delete a VPC that nobody uses"),
        (
            quotas.ADDRESSES,
            demand.nat_gateways,
            len(account.ec2.describe_addresses()["Addresses"]),
            "release addresses, or set plinth:cluster.network.nat to single",
        ),
    )
    for quota, need, used, instead in counts:
        yield _room(
            demand,
            quota,
            need=need,
            used=used,
            granted=quotas.granted(account, quota),
            unit="more",
            instead=f"or {instead}",
        )


def _room(
    demand: Demand,
    quota: Quota,
    *,
    need: int,
    used: int,
    granted: int,
    unit: str,
    who: str = "",
    instead: str,
) -> Finding:
    check = "quotas" if unit == "vCPUs" else "network quotas"
    subject = f"{quota.name} ({quota.code})"
    found = f"{need} {unit} needed{who}, {granted} granted, {used} in use"
    if granted - used >= need:
        return Finding(check, subject, found)
    remedy = (
        f"run `aws service-quotas request-service-quota-increase --service-code {quota.service} --quota-code "
        f"{quota.code} --desired-value {used + need} --region {demand.region}`, {instead}"
    )
    return Finding(check, subject, found, remedy, failed=True)


def reservations(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether each reservation is one of the pool's type, zone and size."""
    for pool in demand.pools:
        if pool.reservation:
            yield _reservation(account, pool, pool.reservation)


def _reservation(account: Account, pool: NodePool, identifier: str) -> Finding:
    subject, setting = f"{identifier} of {pool.name}", f"plinth:gpuPools {pool.name}"
    try:
        answer = account.ec2.describe_capacity_reservations(CapacityReservationIds=[identifier])
    except ClientError as error:
        if not code_of(error).startswith("InvalidCapacityReservationId"):
            raise
        remedy = f"correct reservation of {setting}, or buy one"
        return Finding("reservations", subject, "the account has none of that id", remedy, failed=True)
    (found,) = answer["CapacityReservations"]
    problem = _mismatch(pool, found)
    if problem:
        return Finding("reservations", subject, problem, f"correct {setting}", failed=True)
    size = f"{found.get('TotalInstanceCount')} x {found.get('InstanceType')}"
    return Finding("reservations", subject, f"{size}, {found.get('State')}")


def _mismatch(pool: NodePool, found: "CapacityReservationTypeDef") -> str | None:
    (name, most), *_ = pool.most.items()
    if found.get("State") not in ("active", "scheduled"):
        return f"is {found.get('State')}"
    if found.get("InstanceType") != name:
        return f"is for {found.get('InstanceType')}, the pool has {name}"
    if found.get("AvailabilityZone") not in pool.zones:
        return f"is in {found.get('AvailabilityZone')}, the pool in {', '.join(pool.zones)}"
    if found.get("TotalInstanceCount", 0) < most:
        return f"has {found.get('TotalInstanceCount')} instances, the pool's max is {most}"
    return None
