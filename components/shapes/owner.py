"""A component as the owner of the objects it creates: where they are, their labels and their parent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi import ResourceOptions
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.shapes.labels import COMPONENT, labels, selector


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

    @classmethod
    def of_product(
        cls,
        parent: pulumi.Resource,
        component: str,
        namespace: pulumi.Input[str],
        *,
        product: str,
        role: str,
        version: str | None = None,
        select_role: bool = False,
    ) -> "Owner":
        """Return the owner of the objects of one product.

        Args:
            parent: the component.
            component: Pulumi name of the component.
            namespace: namespace of its objects.
            product: the product, such as `mlflow`.
            role: the component's role within the product, such as `server`.
            version: the product's version, if it has one worth showing.
            select_role: whether the role is part of the selector, because the component has other pods too.
        """
        narrow = {COMPONENT: role} if select_role else {}
        return cls(
            component=component,
            namespace=namespace,
            labels=labels(product, component, role, version=version),
            selector={**selector(product, component), **narrow},
            parent=parent,
        )

    def metadata(self, name: pulumi.Input[str]) -> ObjectMetaArgsDict:
        """Return the metadata of an object in the owner's namespace."""
        return {"name": name, "namespace": self.namespace, "labels": self.labels}

    def cluster_metadata(self, name: str) -> ObjectMetaArgsDict:
        """Return the metadata of an object that belongs to no namespace."""
        return {"name": name, "labels": self.labels}

    def child(self, after: Sequence[pulumi.Resource] = ()) -> ResourceOptions:
        """Return the options of a child that is created after these resources."""
        return ResourceOptions(parent=self.parent, depends_on=[*after])
