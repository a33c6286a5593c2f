"""The provider's read-only functions, with the answers that AWS would give."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from simulation.aws.computed_outputs import Site

_ZONE_LETTERS = "abc"


class UnknownFunctionError(Exception):
    """The simulation does not know the function."""


def call(token: str, arguments: Mapping[str, Any], site: Site) -> dict[str, Any]:
    """Return the result of a function.

    Raises:
        UnknownFunctionError: the function is not simulated.
    """
    if token not in _FUNCTIONS:
        raise UnknownFunctionError(
            f"function {token} is not simulated: add it to simulation/aws/functions.py"
        )
    return _FUNCTIONS[token](arguments, site)


def _caller_identity(_: Mapping[str, Any], site: Site) -> dict[str, Any]:
    return {
        "id": site.account,
        "accountId": site.account,
        "arn": f"arn:aws:iam::{site.account}:role/simulated",
        "userId": "SIMULATED",
    }


def _partition(_: Mapping[str, Any], __: Site) -> dict[str, Any]:
    return {
        "id": "aws",
        "partition": "aws",
        "dnsSuffix": "amazonaws.com",
        "reverseDnsPrefix": "com.amazonaws",
    }


def _region(_: Mapping[str, Any], site: Site) -> dict[str, Any]:
    region = site.region
    return {
        "id": region,
        "region": region,
        "name": region,
        "endpoint": f"ec2.{region}.amazonaws.com",
        "description": "simulated",
    }


def _zones(_: Mapping[str, Any], site: Site) -> dict[str, Any]:
    region = site.region
    names = [f"{region}{letter}" for letter in _ZONE_LETTERS]
    return {"id": region, "names": names, "zoneIds": names, "groupNames": [region], "region": region}


def _policy_document(arguments: Mapping[str, Any], _: Site) -> dict[str, Any]:
    statements = [_statement(each) for each in arguments.get("statements") or []]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements}, indent=2)
    return {"id": "simulated", "json": text, "minifiedJson": text}


def _statement(given: Mapping[str, Any]) -> dict[str, Any]:
    made: dict[str, Any] = {"Effect": given.get("effect") or "Allow"}
    for source, key in (("sid", "Sid"), ("actions", "Action"), ("resources", "Resource")):
        if given.get(source):
            made[key] = given[source]
    for each in given.get("principals") or []:
        made.setdefault("Principal", {})[each["type"]] = each["identifiers"]
    for each in given.get("conditions") or []:
        made.setdefault("Condition", {}).setdefault(each["test"], {})[each["variable"]] = each["values"]
    return made


def _parameter(arguments: Mapping[str, Any], _: Site) -> dict[str, Any]:
    name = str(arguments["name"])
    value = "ami-0123456789abcdef0" if "image_id" in name or "ami" in name else "simulated"
    return {"id": name, "name": name, "value": value, "type": "String", "version": 1, "arn": "simulated"}


def _no_instances(_: Mapping[str, Any], __: Site) -> dict[str, Any]:
    """Return what an account answers in which Karpenter has started no node."""
    return {"id": "instances", "ids": [], "privateIps": [], "publicIps": []}


def _cluster_auth(arguments: Mapping[str, Any], _: Site) -> dict[str, Any]:
    return {"id": arguments["name"], "name": arguments["name"], "token": "simulated"}


_FUNCTIONS: Mapping[str, Callable[[Mapping[str, Any], Site], dict[str, Any]]] = {
    "aws:index/getAvailabilityZones:getAvailabilityZones": _zones,
    "aws:index/getCallerIdentity:getCallerIdentity": _caller_identity,
    "aws:index/getPartition:getPartition": _partition,
    "aws:index/getRegion:getRegion": _region,
    "aws:ec2/getInstances:getInstances": _no_instances,
    "aws:eks/getClusterAuth:getClusterAuth": _cluster_auth,
    "aws:iam/getPolicyDocument:getPolicyDocument": _policy_document,
    "aws:ssm/getParameter:getParameter": _parameter,
}


def tokens() -> list[str]:
    """Return the tokens of all simulated functions."""
    return sorted(_FUNCTIONS)
