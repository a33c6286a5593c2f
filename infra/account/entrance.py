"""Checks of `preflight` about what crosses the stack's edge: the gateway's certificate, and image pulls."""

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from infra.account.demand import Demand
from infra.account.session import Account, Finding, code_of

_SETTING = "plinth:gateway.certificateArn"
# Docker Hub's limit for clients without an account, per IPv4 address.
_LIMITED = "docker.io"
_PULLS, _HOURS = 100, 6


def certificate(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether the gateway's certificate can be used: issued, in the region, for every host."""
    arn = demand.certificate_arn
    if arn is None:
        return
    region, owner = arn.split(":")[3:5]
    if (region, owner) != (demand.region, demand.account):
        result = f"belongs to account {owner} in {region}"
        remedy = f"request one in the stack's account and region ({demand.account}, {demand.region})"
        yield Finding("certificate", arn, result, remedy, failed=True)
        return
    try:
        found: dict[str, Any] = account.acm.describe_certificate(CertificateArn=arn)["Certificate"]
    except ClientError as error:
        if code_of(error) != "ResourceNotFoundException":
            raise
        remedy = f"correct {_SETTING}: `aws acm list-certificates --region {region}` lists them"
        yield Finding("certificate", arn, "the account has no such certificate", remedy, failed=True)
        return
    yield _usable(arn, found, demand)


def _usable(arn: str, found: dict[str, Any], demand: Demand) -> Finding:
    names: list[str] = found.get("SubjectAlternativeNames") or [found.get("DomainName", "")]
    missing = [host for host in demand.hosts if not any(covers(name, host) for name in names)]
    if missing:
        domain = missing[0].partition(".")[2]
        result = f"is for {', '.join(names)}, not for {', '.join(missing)}"
        remedy = f"request one for *.{domain}, or correct {_SETTING}"
        return Finding("certificate", arn, result, remedy, failed=True)
    if found.get("Status") != "ISSUED":
        remedy = (
            "create the DNS records that "
            f"`aws acm describe-certificate --certificate-arn {arn} --region {demand.region}` shows"
        )
        return Finding("certificate", arn, f"is {found.get('Status')}, not issued", remedy, failed=True)
    return Finding("certificate", arn, f"issued for {', '.join(names)}")


def covers(name: str, host: str) -> bool:
    """Return whether a name of a certificate covers a host; a wildcard stands for one label."""
    if name.startswith("*."):
        return host.partition(".")[2].lower() == name[2:].lower()
    return name.lower() == host.lower()


def image_pulls(_: Account, demand: Demand) -> Iterator[Finding]:
    """Yield how many images nodes pull from each public registry, and whether it limits anonymous pulls."""
    if not demand.public_images:
        yield Finding(
            "image pulls", "public registries", "none: the stack's registry has copies of all images"
        )
    for host, names in demand.public_images.items():
        count = f"{len(names)} images: {', '.join(names)}"
        if host != _LIMITED:
            yield Finding("image pulls", host, count)
            continue
        addresses = f"{demand.nat_gateways} address" + "es" * (demand.nat_gateways > 1)
        limit = f"at most {_PULLS} pulls in {_HOURS} hours from each of the stack's {addresses}"
        yield Finding("image pulls", host, f"{count}; {limit} (images.mirror: true copies them)")
