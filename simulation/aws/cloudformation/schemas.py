"""Reads the schemas of CloudFormation's resource types, which cfn-lint ships."""

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

# Where every resource type exists.
_REGION = "us-east-1"


@dataclass(frozen=True, kw_only=True)
class Node:
    """One place of a schema: a resource type, a property, or an item of a list."""

    content: Mapping[str, Any]
    document: Mapping[str, Any]
    """The whole schema, to which references point."""

    @property
    def kinds(self) -> frozenset[str]:
        """The JSON types that are allowed here; empty if the schema does not say."""
        given = self.content.get("type", [])
        return frozenset([given] if isinstance(given, str) else given)

    def is_only(self, *kinds: str) -> bool:
        """Return whether no other JSON types than these are allowed here."""
        return bool(self.kinds) and self.kinds <= {*kinds}

    @property
    def properties(self) -> Mapping[str, "Node"]:
        """The properties of an object; empty if its keys are free."""
        return {name: self._node(each) for name, each in self.content.get("properties", {}).items()}

    @property
    def item(self) -> "Node":
        """The items of a list."""
        return self._node(self.content.get("items", {}))

    def find(self, name: str) -> str | None:
        """Return the property of a name, whatever its capitals."""
        return next((each for each in self.properties if each.lower() == name.lower()), None)

    def at(self, path: str) -> "Node | None":
        """Return the node at a path of properties; lists add nothing to the path."""
        node = self.item if self.is_only("array") else self
        if not path:
            return node
        name, _, rest = path.partition(".")
        inner = node.properties.get(name)
        return inner.at(rest) if inner and rest else inner

    def _node(self, content: Mapping[str, Any]) -> "Node":
        while "$ref" in content:
            parts = str(content["$ref"]).removeprefix("#/").split("/")
            content = functools.reduce(
                lambda inner, part: cast("Mapping[str, Any]", inner[part]), parts, self.document
            )
        return Node(content=content, document=self.document)


@functools.cache
def resource_types() -> Mapping[str, str]:
    """Return the resource types of CloudFormation by their names in small letters."""
    return {each.lower(): each for each in PROVIDER_SCHEMA_MANAGER.get_resource_types(_REGION)}


@functools.cache
def resource(resource_type: str) -> Node:
    """Return the schema of a resource type such as `AWS::EKS::Cluster`."""
    schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(_REGION, resource_type).schema
    return Node(content=schema, document=schema)
