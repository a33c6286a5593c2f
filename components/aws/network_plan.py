"""The subnets of a VPC and its endpoints of AWS services, as pure data."""

import ipaddress
from dataclasses import dataclass
from typing import Final

# Services that nodes and controllers call; S3's endpoint is a route and costs nothing.
INTERFACE_ENDPOINTS: Final = (
    "autoscaling",
    "ec2",
    "ecr.api",
    "ecr.dkr",
    "eks",
    "eks-auth",
    "logs",
    "sqs",
    "ssm",
    "ssmmessages",
    "sts",
)
_MOST_ZONES = 6


@dataclass(frozen=True, kw_only=True)
class Subnets:
    """One private and one public subnet per zone."""

    private: tuple[str, ...]
    public: tuple[str, ...]


def subnets(cidr: str, zones: int) -> Subnets:
    """Return the subnets of a network; those of the first zones do not depend on the number of zones.

    Private subnets take an eighth each, for up to six zones, because every pod has an address there; load
    balancers and NAT gateways share the seventh.

    Raises:
        ValueError: too many zones, or too small a network for pods.
    """
    network = ipaddress.IPv4Network(cidr)
    if network.prefixlen > 18:
        raise ValueError(f"cidr: {cidr} has too few addresses for pods; give a /18 or larger")
    if not 1 <= zones <= _MOST_ZONES:
        raise ValueError(f"availability_zones: {zones} given; a network has room for 1 to {_MOST_ZONES}")
    eighths = list(network.subnets(prefixlen_diff=3))
    shared = list(eighths[_MOST_ZONES].subnets(prefixlen_diff=3))
    return Subnets(
        private=tuple(str(each) for each in eighths[:zones]),
        public=tuple(str(each) for each in shared[:zones]),
    )
