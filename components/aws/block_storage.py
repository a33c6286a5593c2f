"""The class of volumes that pods get by default: encrypted, in the zone of their pod, growing in place."""

from dataclasses import dataclass, field
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes.labels import labels

CLASS_NAME = "gp3"


@dataclass(frozen=True, kw_only=True)
class BlockStorageArgs:
    """How volumes are kept."""

    reclaim_policy: Literal["Delete", "Retain"] = "Retain"
    """What becomes of a volume whose claim is deleted."""
    extra_labels: dict[str, str] = field(default_factory=dict[str, str])
    """Labels on every object."""


class BlockStorage(pulumi.ComponentResource):
    """One storage class; EKS comes with none that is the default."""

    storage_class: pulumi.Output[str]

    def __init__(self, name: str, args: BlockStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:BlockStorage", name, {"reclaim_policy": args.reclaim_policy}, opts)
        made = kubernetes.storage.v1.StorageClass(
            f"{name}-class",
            metadata={
                "name": CLASS_NAME,
                "labels": {**labels("ebs", name, "storage-class"), **args.extra_labels},
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true"},
            # A volume cannot leave its zone: it is made where its pod can run.
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            reclaim_policy=args.reclaim_policy,
            opts=ResourceOptions(parent=self),
        )
        self.storage_class = made.id.apply(lambda _: CLASS_NAME)
        self.register_outputs({"storage_class": self.storage_class})
