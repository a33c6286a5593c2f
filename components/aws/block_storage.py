"""The default storage class: encrypted volumes, in the zone of their pod, expandable in place."""

from dataclasses import dataclass
from typing import Literal

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.shapes.labels import labels

CLASS_NAME = "gp3"


@dataclass(frozen=True, kw_only=True)
class BlockStorageArgs:
    """Inputs of `BlockStorage`."""

    reclaim_policy: Literal["Delete", "Retain"] = "Retain"
    """What happens to a volume when its claim is deleted."""


class BlockStorage(pulumi.ComponentResource):
    """One storage class; EKS has no default one."""

    def __init__(self, name: str, args: BlockStorageArgs, opts: ResourceOptions | None = None) -> None:
        super().__init__("plinth:index:BlockStorage", name, {"reclaim_policy": args.reclaim_policy}, opts)
        kubernetes.storage.v1.StorageClass(
            f"{name}-class",
            metadata={
                "name": CLASS_NAME,
                "labels": labels("ebs", name, "storage-class"),
                "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
            },
            provisioner="ebs.csi.aws.com",
            parameters={"type": "gp3", "encrypted": "true"},
            # A volume cannot leave its zone: it is created where its pod is scheduled.
            volume_binding_mode="WaitForFirstConsumer",
            allow_volume_expansion=True,
            reclaim_policy=args.reclaim_policy,
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
