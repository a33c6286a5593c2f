"""Converts planned resources to Terraform's JSON plan, the format that policy scanners read."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from simulation.aws import published_types, wire
from simulation.aws.planned import PlannedResource
from simulation.aws.published_types import AnyOf, ListOf, MapOf, Record, Shape

# Pulumi's name of a type -> Terraform's, where the rule below does not apply.
_TYPES: Mapping[str, str] = {
    "aws:autoscaling/tag:Tag": "aws_autoscaling_group_tag",
    "aws:cloudwatch/logGroup:LogGroup": "aws_cloudwatch_log_group",
    "aws:ecr/repository:Repository": "aws_ecr_repository",
    "aws:rds/instance:Instance": "aws_db_instance",
    "aws:rds/parameterGroup:ParameterGroup": "aws_db_parameter_group",
    "aws:rds/subnetGroup:SubnetGroup": "aws_db_subnet_group",
}
# Services whose name is not part of Terraform's.
_UNNAMED_SERVICES = ("ec2",)
# Lists of blocks: Terraform uses the singular, Pulumi the plural.
_SINGULAR: Mapping[str, str] = {
    "egress_rules": "egress_rule",
    "encryption_configurations": "encryption_configuration",
    "filters": "filter",
    "noncurrent_version_transitions": "noncurrent_version_transition",
    "notifications": "notification",
    "parameters": "parameter",
    "routes": "route",
    "rules": "rule",
    "taints": "taint",
    "transitions": "transition",
}


def type_name(token: str) -> str:
    """Return Terraform's name of a type."""
    if token in _TYPES:
        return _TYPES[token]
    _, module, cls = token.split(":")
    service = module.split("/")[0]
    parts = ["aws"] if service in _UNNAMED_SERVICES else ["aws", service]
    if service == "vpc":
        parts = ["aws", "vpc"]
    return "_".join([*parts, _snake(cls)])


def plan(resources: Sequence[PlannedResource]) -> dict[str, Any]:
    """Return a plan that creates the resources."""
    addresses = {each.urn: f"{type_name(each.token)}.{_label(each)}" for each in resources}
    by_urn = {each.urn: each for each in resources}
    planned: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    configured: list[dict[str, Any]] = []
    for each in resources:
        head = {
            "address": addresses[each.urn],
            "mode": "managed",
            "type": type_name(each.token),
            "name": _label(each),
        }
        fields = published_types.resource(each.token).inputs
        values = _record({name: field.shape for name, field in fields.items()}, each.inputs)
        planned.append({**head, "values": values})
        change = {"actions": ["create"], "before": None, "after": values, "after_unknown": {}}
        changes.append({**head, "change": change})
        configured.append({**head, "expressions": _expressions(each, addresses, by_urn)})
    return {
        "format_version": "1.2",
        "terraform_version": "1.9.0",
        "planned_values": {"root_module": {"resources": planned}},
        "resource_changes": changes,
        "configuration": {"root_module": {"resources": configured}},
    }


def _label(resource: PlannedResource) -> str:
    return re.sub(r"[^A-Za-z0-9_-]", "_", resource.name)


def _expressions(
    resource: PlannedResource, addresses: Mapping[str, str], by_urn: Mapping[str, PlannedResource]
) -> dict[str, Any]:
    """Return the references to other resources, by input; scanners use them to connect resources."""
    expressions: dict[str, Any] = {}
    for name, urns in resource.references.items():
        # A bucket's name may be passed on by another resource of that bucket.
        passed_on = [each for urn in urns if urn in by_urn for each in by_urn[urn].references.get(name, ())]
        targets = [addresses[urn] for urn in (*passed_on, *urns) if urn in addresses]
        if targets:
            references = [text for target in targets for text in (f"{target}.id", target)]
            expressions[_snake(name)] = {"references": references}
    return expressions


def _record(shapes: Mapping[str, Shape], values: Mapping[str, Any]) -> dict[str, Any]:
    record: dict[str, Any] = {}
    for name, value in values.items():
        if name.startswith("__") or name not in shapes or value is None or wire.is_unknown(value):
            continue
        converted = _value(shapes[name], value)
        key = _snake(name)
        blocks = isinstance(converted, list) and any(
            isinstance(each, dict) for each in cast("list[Any]", converted)
        )
        record[_SINGULAR.get(key, key) if blocks else key] = converted
    return record


def _value(shape: Shape, value: Any) -> Any:
    if wire.is_unknown(value):
        return None
    match shape:
        case Record() if isinstance(value, dict):
            inner = {name: field.shape for name, field in shape.fields.items()}
            # A single block is a list of one.
            return [_record(inner, cast("dict[str, Any]", value))]
        case ListOf(item=item) if isinstance(value, list):
            listed = [_value(item, each) for each in cast("list[Any]", value)]
            return [each[0] if isinstance(item, Record) and each else each for each in listed]
        case MapOf():
            return value
        case AnyOf(options=options) if isinstance(value, dict | list):
            return _value(options[-1], value)
        case _:
            return value


def _snake(name: str) -> str:
    return re.sub(
        r"(?<=[a-z0-9])([A-Z])", r"_\1", re.sub(r"(?<=[A-Z])([A-Z])(?=[a-z])", r"_\1", name)
    ).lower()
