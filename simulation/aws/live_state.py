"""What is alive in the simulated account, and what AWS refuses because of it."""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

_CLUSTER = "aws:eks/cluster:Cluster"
_NAT = "aws:ec2/natGateway:NatGateway"
_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
_ROLE = "aws:iam/role:Role"
_ROUTE = "aws:ec2/route:Route"
# Rights of a role, each with the input that names the role.
_RIGHTS = {
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment": "role",
    "aws:iam/rolePolicy:RolePolicy": "role",
    _ROLE: "name",
}
_DIRECTIONS = {
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule": "egress",
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": "ingress",
}
_EVERYONE = "0.0.0.0/0"


class RefusedError(Exception):
    """AWS would refuse the call, or do harm; the text is the reason."""


@dataclass(frozen=True, kw_only=True)
class _Alive:
    token: str
    inputs: Mapping[str, Any]


@dataclass
class LiveState:
    """Resources that exist, by URN, and what AWS made by itself."""

    _alive: dict[str, _Alive] = field(default_factory=dict[str, _Alive])
    _rules: dict[tuple[str, ...], str] = field(default_factory=dict[tuple[str, ...], str])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def create(self, urn: str, token: str, inputs: Mapping[str, Any], outputs: Mapping[str, Any]) -> None:
        """Add a resource.

        Raises:
            RefusedError: a security group has that rule, or a NAT gateway has no way to the internet.
        """
        with self._lock:
            if token in _DIRECTIONS:
                self._add_rule(_rule(token, inputs), urn)
            if token == _NAT and not self._has_way_out():
                raise RefusedError("failed: no Internet gateway attached to the network, or no route to it")
            if token == _NODE_GROUP:
                _check_size(inputs)
            if token == _CLUSTER:
                self._made_by_eks(str(outputs["vpcConfig"]["clusterSecurityGroupId"]), urn)
            self._alive[urn] = _Alive(token=token, inputs=inputs)

    def update(self, urn: str, token: str, inputs: Mapping[str, Any]) -> None:
        """Change a resource.

        Raises:
            RefusedError: a node group would have fewer nodes than its minimum.
        """
        if token == _NODE_GROUP:
            _check_size(inputs)
        with self._lock:
            self._alive[urn] = _Alive(token=token, inputs=inputs)

    def delete(self, urn: str, token: str, inputs: Mapping[str, Any]) -> None:
        """Remove a resource.

        Raises:
            RefusedError: it is a right, or the role, of something that is alive.
        """
        with self._lock:
            role = str(inputs.get(_RIGHTS.get(token, "")) or "")
            for other, each in self._alive.items():
                if role and other != urn and _acts_as(each, role):
                    name = other.rsplit("::", 1)[-1]
                    raise RefusedError(
                        f"{name} is alive and acts as role {role}: without these rights it could not clean up"
                    )
            self._alive.pop(urn, None)
            self._rules = {rule: holder for rule, holder in self._rules.items() if holder != urn}

    def _made_by_eks(self, group: str, cluster: str) -> None:
        """Add the rules that EKS gives a cluster's security group (EKS user guide, sec-group-reqs)."""
        for rule in (
            ("ingress", group, "-1", "", "", group),
            ("egress", group, "-1", "", "", group),
            ("egress", group, "-1", "", "", _EVERYONE),
        ):
            self._rules[rule] = cluster

    def _add_rule(self, rule: tuple[str, ...], urn: str) -> None:
        if holder := self._rules.get(rule):
            raise RefusedError(
                f"InvalidPermission.Duplicate: the {rule[0]} rule of {rule[1]} for {rule[-1]} already "
                f"exists, made by {holder.rsplit('::', 1)[-1]}"
            )
        self._rules[rule] = urn

    def _has_way_out(self) -> bool:
        return any(
            each.token == _ROUTE and str(each.inputs.get("gatewayId")).startswith("igw-")
            for each in self._alive.values()
        )


def _rule(token: str, inputs: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what makes a rule equal to another; its description and tags do not."""
    ends = [
        inputs.get(each) for each in ("referencedSecurityGroupId", "cidrIpv4", "cidrIpv6", "prefixListId")
    ]
    ports = [str(inputs.get(each) or "") for each in ("fromPort", "toPort")]
    end = next((str(each) for each in ends if each), "")
    return (_DIRECTIONS[token], str(inputs["securityGroupId"]), str(inputs["ipProtocol"]), *ports, end)


def _check_size(inputs: Mapping[str, Any]) -> None:
    size = cast("Mapping[str, float]", inputs.get("scalingConfig") or {})
    if size and size["minSize"] > size["desiredSize"]:
        raise RefusedError(
            f"InvalidParameterException: Minimum capacity {size['minSize']:.0f} can't be greater than "
            f"desired size {size['desiredSize']:.0f}"
        )


def _acts_as(resource: _Alive, role: str) -> bool:
    """Return whether a resource, not a right of the role, names it."""
    if resource.token in _RIGHTS:
        return False
    return any(text == role or text.endswith(f":role/{role}") for text in _texts(resource.inputs))


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in cast("Mapping[str, Any]", value).values():
            yield from _texts(inner)
    elif isinstance(value, list):
        for inner in cast("list[Any]", value):
            yield from _texts(inner)
