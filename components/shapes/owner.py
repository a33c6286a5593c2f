"""A component as the owner of the objects it creates: where they are, their labels and their parent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict


@dataclass(frozen=True, kw_only=True)
class Owner:
    """Everything that the building blocks take from the component that uses them."""

    component: str
    """Pulumi name of the component; the Pulumi names of its children begin with it."""
    namespace: pulumi.Input[str]
    """Namespace of its objects."""
    labels: Mapping[str, str]
    """Labels on every object."""
    selector: Mapping[str, str]
    """Labels that select its pods."""
    parent: pulumi.Resource
    """The component itself."""

    def metadata(self, name: pulumi.Input[str]) -> ObjectMetaArgsDict:
        """Return the metadata of an object in the owner's namespace."""
        return {"name": name, "namespace": self.namespace, "labels": self.labels}

    def cluster_metadata(self, name: str) -> ObjectMetaArgsDict:
        """Return the metadata of an object that belongs to no namespace."""
        return {"name": name, "labels": self.labels}

    def child(self, after: Sequence[pulumi.Resource] = ()) -> ResourceOptions:
        """Return the options of a child that is created after these resources."""
        return ResourceOptions(parent=self.parent, depends_on=[*after])
