"""Check of `preflight`: the service-linked roles through which AWS's services act for a stack.

Most are created by whatever needs them first. The role of spot instances is not, where Karpenter starts them:
its identity has no right to, EC2 refuses the fleet, and pods wait without an error.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from infra.account.demand import Demand
from infra.account.session import Account, Finding
from infra.settings.cluster import CapacityType
from infra.settings.pools import Provisioner

# What creates a role: whoever runs `up`, with the right to, or another service by itself.
DEPLOYER = "`up`, which needs iam:CreateServiceLinkedRole for it"


@dataclass(frozen=True, kw_only=True)
class LinkedRole:
    """A role that one service of AWS assumes; an account has at most one of each."""

    service: str
    """Service principal, such as `spot.amazonaws.com`."""
    name: str
    reason: str
    """What in the stack needs it."""
    creator: str = ""
    """What creates it when it is first needed; empty if nothing does."""


def needed(demand: Demand) -> tuple[LinkedRole, ...]:
    """Return the service-linked roles that a stack needs, and why."""
    roles = [
        _role("eks", "AmazonEKS", "the cluster", DEPLOYER),
        _role("eks-nodegroup", "AmazonEKSNodegroup", "node groups", DEPLOYER),
        _role("autoscaling", "AutoScaling", "node groups", "EKS"),
        _role("elasticloadbalancing", "ElasticLoadBalancing", "the gateway's load balancer", "EKS"),
    ]
    if demand.databases:
        names = ", ".join(database.name for database in demand.databases)
        roles.append(_role("rds", "RDS", f"databases: {names}", DEPLOYER))
    spot = [pool for pool in demand.pools if pool.capacity_type is CapacityType.SPOT]
    if spot:
        karpenter = [pool.name for pool in spot if pool.provisioner is Provisioner.KARPENTER]
        names = ", ".join(karpenter or (pool.name for pool in spot))
        how = "spot nodes through Karpenter" if karpenter else "spot nodes"
        creator = "" if karpenter else "Auto Scaling"
        roles.append(_role("spot", "EC2Spot", f"{how}: {names}", creator))
    return tuple(roles)


def _role(service: str, name: str, reason: str, creator: str) -> LinkedRole:
    return LinkedRole(
        service=f"{service}.amazonaws.com", name=f"AWSServiceRoleFor{name}", reason=reason, creator=creator
    )


def linked_roles(account: Account, demand: Demand) -> Iterator[Finding]:
    """Yield whether each service-linked role exists, or is created when it is needed."""
    for role in needed(demand):
        subject = f"{role.name} for {role.reason}"
        if _exists(account, role.service):
            yield Finding("service-linked roles", subject, "exists")
        elif role.creator:
            yield Finding("service-linked roles", subject, f"will be created by {role.creator}")
        else:
            remedy = f"run `aws iam create-service-linked-role --aws-service-name {role.service}`"
            result = "the account has no such role, and nothing creates it"
            yield Finding("service-linked roles", subject, result, remedy, failed=True)


def _exists(account: Account, service: str) -> bool:
    pages = account.iam.get_paginator("list_roles").paginate(PathPrefix=f"/aws-service-role/{service}/")
    return any(page["Roles"] for page in pages)
