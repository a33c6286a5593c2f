"""Checks of `preflight`: zones, instance types, quotas and reservations, for every pool at its max."""

from collections import defaultdict
from collections.abc import Iterator
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from infra.account import quotas
from infra.account.demand import Demand, NodePool
from infra.account.quotas import Quota
from infra.account.session import Account, Finding, code_of
from infra.account.unique_names import OWNER_TAG

if TYPE_CHECKING:
    from mypy_boto3_ec2.type_defs import CapacityReservationTypeDef

# EKS runs no control plane in these zones, whichever names the account has for them.
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
    """Yield whether AWS offers each instance type in a zone of its pool."""
    names = sorted({name for pool in demand.pools for name in pool.max_by_type})
    pages = account.ec2.get_paginator("describe_instance_type_offerings").paginate(
        LocationType="availability-zone", Filters=[{"Name": "instance-type", "Values": names}]
    )
    zones_of: dict[str, set[str]] = defaultdict(set)
    for page in pages:
        for offering in page["InstanceTypeOfferings"]:
            zones_of[str(offering.get("InstanceType"))].add(offering.get("Location", ""))
    for pool in demand.pools:
        for name in pool.max_by_type:
            yield _offered(pool, name, zones_of[name])


def _offered(pool: NodePool, name: str, zones: set[str]) -> Finding:
    subject = f"{name} of {pool.name}"
    usable = sorted(zones & set(pool.zones))
    if usable:
        return Finding("instance types", subject, f"offered in {', '.join(usable)}")
    if zones:
        remedy = f"set the pool's zones to one of {', '.join(sorted(zones))}, or choose another type"
    else:
        remedy = "choose another type or another region"
    wanted = ", ".join(pool.zones)
    return Finding("instance types", subject, f"not offered in {wanted}", remedy, failed=True)


def vcpu_quotas(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether each vCPU quota leaves room for all of its pools at max."""
    used = quotas.used_by_others(account, demand)
    # A type that AWS does not know is not counted here; the check of instance types reports it.
    sizes = quotas.vcpus(account, (name for pool in demand.pools for name in pool.max_by_type))
    for quota, pools in quotas.needed(demand.pools, sizes).items():
        parts = ", ".join(f"{name} {count}" for name, count in pools.items())
        yield _room(
            demand,
            quota,
            need=sum(pools.values()),
            used=used.get(quota, 0),
            granted=quotas.granted(account, quota),
            unit="vCPUs",
            parts=f" ({parts})",
            alternative=f"or lower max of {' or '.join(pools)}",
        )


def network_quotas(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether quotas leave room for the stack's VPC and addresses, unless they exist already."""
    owned = {"Name": f"tag:{OWNER_TAG}", "Values": [demand.cluster]}
    if account.ec2.describe_vpcs(Filters=[owned])["Vpcs"]:  # type: ignore[list-item]
        yield Finding("network quotas", demand.cluster, "the stack's network already exists")
        return
    counts = (
        (quotas.NETWORKS, 1, len(account.ec2.describe_vpcs()["Vpcs"]), "delete an unused VPC"),
        (
            quotas.ADDRESSES,
            demand.nat_gateways,
            len(account.ec2.describe_addresses()["Addresses"]),
            "release addresses, or set plinth:cluster.network.nat to single",
        ),
    )
    for quota, need, used, alternative in counts:
        yield _room(
            demand,
            quota,
            need=need,
            used=used,
            granted=quotas.granted(account, quota),
            unit="more",
            alternative=f"or {alternative}",
        )


def _room(
    demand: Demand,
    quota: Quota,
    *,
    need: int,
    used: int,
    granted: int,
    unit: str,
    parts: str = "",
    alternative: str,
) -> Finding:
    check = "quotas" if unit == "vCPUs" else "network quotas"
    subject = f"{quota.name} ({quota.code})"
    result = f"{need} {unit} needed{parts}, {granted} granted, {used} in use"
    if granted - used >= need:
        return Finding(check, subject, result)
    remedy = (
        f"run `aws service-quotas request-service-quota-increase --service-code {quota.service} --quota-code "
        f"{quota.code} --desired-value {used + need} --region {demand.region}`, {alternative}"
    )
    return Finding(check, subject, result, remedy, failed=True)


def reservations(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether each reservation matches its pool's instance type, zone and size."""
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
        return Finding("reservations", subject, "the account has no such reservation", remedy, failed=True)
    (reservation,) = answer["CapacityReservations"]
    problem = _mismatch(pool, reservation)
    if problem:
        return Finding("reservations", subject, problem, f"correct {setting}", failed=True)
    size = f"{reservation.get('TotalInstanceCount')} x {reservation.get('InstanceType')}"
    return Finding("reservations", subject, f"{size}, {reservation.get('State')}")


def _mismatch(pool: NodePool, reservation: "CapacityReservationTypeDef") -> str | None:
    (name, nodes), *_ = pool.max_by_type.items()
    if reservation.get("State") not in ("active", "scheduled"):
        return f"is {reservation.get('State')}"
    if reservation.get("InstanceType") != name:
        return f"is for {reservation.get('InstanceType')}, the pool has {name}"
    if reservation.get("AvailabilityZone") not in pool.zones:
        return f"is in {reservation.get('AvailabilityZone')}, the pool in {', '.join(pool.zones)}"
    if reservation.get("TotalInstanceCount", 0) < nodes:
        return f"has {reservation.get('TotalInstanceCount')} instances, the pool's max is {nodes}"
    return None
