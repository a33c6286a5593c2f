"""Converts planned resources to a CloudFormation template."""

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, cast

from simulation.aws import published_types, wire
from simulation.aws.cloudformation import names, schemas
from simulation.aws.cloudformation.schemas import Node
from simulation.aws.planned import PlannedResource
from simulation.aws.published_types import AnyOf, ListOf, MapOf, Record, Scalar, Shape

# The parameter that stands for what a plan cannot know yet; linters accept its value everywhere.
_UNKNOWN = "Unknown"
_ANY = Scalar(kind="any")


@dataclass(frozen=True, kw_only=True)
class Template:
    """A template, and how its resources are called in the plan."""

    document: Mapping[str, Any]
    names: Mapping[str, str]
    """Type and Pulumi name by logical id."""
    unmapped: tuple[str, ...]
    """Inputs that neither have a name in CloudFormation nor are a listed gap."""


def template(resources: Sequence[PlannedResource]) -> Template:
    """Return a template that creates the resources, without those that CloudFormation does not have."""
    by_urn = {each.urn: each for each in resources}
    ids: dict[str, str] = {}
    called: dict[str, str] = {}
    made: dict[str, Any] = {}
    unmapped: list[str] = []
    for each in resources:
        kind = names.resource_type(each.token)
        if kind is None:
            if each.token not in names.GAPS:
                unmapped.append(each.token)
            continue
        owner = _owner(each, kind, by_urn)
        logical = ids.setdefault(owner.urn, f"Resource{len(ids)}")
        called[logical] = f"{kind} {owner.name}"
        conversion = _Conversion(token=each.token, root=schemas.resource(kind))
        resource = made.setdefault(logical, {"Type": kind, "Properties": {}})
        _merge(resource["Properties"], conversion.properties(each.inputs))
        unmapped += [f"{each.token} {path}" for path in conversion.unmapped]
    document = {
        "AWSTemplateFormatVersion": "2010-09-09",
        "Parameters": {_UNKNOWN: {"Type": "String"}},
        "Resources": made,
    }
    return Template(document=document, names=called, unmapped=tuple(dict.fromkeys(unmapped)))


def _owner(resource: PlannedResource, kind: str, by_urn: Mapping[str, PlannedResource]) -> PlannedResource:
    """Return the resource that holds this one as a property; a part of nothing in the plan holds itself."""
    part_of = names.of(resource.token).part_of
    # A bucket's name may be passed on by another resource of that bucket.
    waiting = [*resource.references.get(part_of, ())]
    for urn in waiting:
        each = by_urn.get(urn)
        if each is None:
            continue
        if names.resource_type(each.token) == kind and not names.of(each.token).part_of:
            return each
        waiting += [inner for inner in each.references.get(part_of, ()) if inner not in waiting]
    return resource


@dataclass
class _Conversion:
    """The conversion of one resource's inputs."""

    token: str
    root: Node
    unmapped: list[str] = field(default_factory=list[str])
    _made: dict[str, Any] = field(default_factory=dict[str, Any])

    def properties(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Return the properties of the resource in CloudFormation."""
        entry = names.of(self.token)
        fields = published_types.resource(self.token).inputs
        shapes = {name: field.shape for name, field in fields.items()}
        inner: dict[str, Any] = dict(deepcopy(entry.implied))
        # The input that names the owner is no property of the part.
        given = {
            name: value for name, value in inputs.items() if name != entry.part_of or name in entry.renamed
        }
        if not entry.inside:
            self._made = inner
            self._record(self.root, shapes, given, "", inner)
            return self._made
        node = self.root.properties[entry.inside]
        is_list = node.is_only("array")
        self._record(node.item if is_list else node, shapes, given, "", inner)
        return {entry.inside: [inner] if is_list else inner, **self._made}

    def _record(
        self,
        node: Node,
        shapes: Mapping[str, Shape],
        given: Mapping[str, Any],
        path: str,
        into: dict[str, Any],
    ) -> None:
        entry = names.of(self.token)
        for name, value in given.items():
            inner = f"{path}.{name}" if path else name
            if value is None or name.startswith("__") or inner in entry.gaps:
                continue
            target = entry.renamed.get(inner, node.find(name))
            shape = shapes.get(name, _ANY)
            if target is None:
                self.unmapped.append(inner)
            elif target == "":
                self._record(node, _shapes(shape), value, inner, into)
            elif target.startswith("/"):
                self._put(self.root, target[1:], shape, value, inner, self._made)
            else:
                self._put(node, target, shape, value, inner, into)

    def _put(
        self, node: Node, target: str, shape: Shape, value: Any, path: str, into: dict[str, Any]
    ) -> None:
        """Set a property; a list is spread over the items of a list on the way to it."""
        name, _, rest = target.partition(".")
        child = node.properties[name]
        if not rest:
            into[name] = self._value(child, shape, value, path)
        elif child.is_only("array"):
            items: list[dict[str, Any]] = [{} for _ in value]
            into[name] = items
            for item, each in zip(items, value, strict=True):
                self._put(child.item, rest, _item(shape), each, path, item)
        else:
            self._put(child, rest, shape, value, path, into.setdefault(name, {}))

    def _value(self, node: Node, shape: Shape, value: Any, path: str) -> Any:
        if isinstance(value, str) and wire.holds_unknown(value):
            return {"Ref": _UNKNOWN}
        if isinstance(shape, AnyOf):
            shape = shape.options[-1 if isinstance(value, dict | list) else 0]
        if node.is_only("array"):
            return self._list(node, shape, value, path)
        if isinstance(value, list):
            return self._not_list(node, shape, cast("list[Any]", value), path)
        if isinstance(value, dict) and node.properties:
            into: dict[str, Any] = {}
            self._record(node, _shapes(shape), cast("dict[str, Any]", value), path, into)
            return into
        return _scalar(node, shape, value)

    def _list(self, node: Node, shape: Shape, value: Any, path: str) -> list[Any]:
        if isinstance(value, dict) and isinstance(shape, MapOf):
            tags = cast("dict[str, Any]", value)
            return [{"Key": key, "Value": each} for key, each in tags.items()]
        items = cast("list[Any]", value) if isinstance(value, list) else [value]
        return [self._value(node.item, _item(shape), each, path) for each in items]

    def _not_list(self, node: Node, shape: Shape, value: list[Any], path: str) -> Any:
        """Return what CloudFormation has in place of a list: one record, or a mapping of names to values."""
        if "object" in node.kinds and not node.properties:
            return {each["name"]: each["value"] for each in value}
        if node.properties and len(value) == 1:
            return self._value(node, _item(shape), value[0], path)
        return value


def _shapes(shape: Shape) -> Mapping[str, Shape]:
    return {name: field.shape for name, field in shape.fields.items()} if isinstance(shape, Record) else {}


def _item(shape: Shape) -> Shape:
    return shape.item if isinstance(shape, ListOf) else shape


def _scalar(node: Node, shape: Shape, value: Any) -> Any:
    """Return a value in CloudFormation's type where the SDK's own type is another one."""
    kind = shape.kind if isinstance(shape, Scalar) else "any"
    # A document as text, where a linter looks inside only if it is an object.
    if "object" in node.kinds and isinstance(value, str) and value.startswith("{"):
        return json.loads(value)
    if kind == "string" and node.is_only("boolean") and value in ("true", "false"):
        return value == "true"
    if kind == "string" and node.is_only("integer", "number") and str(value).isdecimal():
        return int(value)
    if kind in ("integer", "number", "boolean") and node.is_only("string") and not isinstance(value, str):
        return json.dumps(value)
    return value


def _merge(into: dict[str, Any], more: Mapping[str, Any]) -> None:
    """Add the properties of a part to those of its resource: records are merged, lists joined."""
    for name, value in more.items():
        old = into.get(name)
        if isinstance(old, dict) and isinstance(value, dict):
            _merge(cast("dict[str, Any]", old), cast("dict[str, Any]", value))
        elif isinstance(old, list) and isinstance(value, list):
            into[name] = [*cast("list[Any]", old), *cast("list[Any]", value)]
        else:
            into[name] = value
