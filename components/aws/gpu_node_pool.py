"""Nodes with GPUs of one kind, as a managed node group that costs nothing while no pod asks for them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.aws import instance_types
from components.aws.instance_types import InstanceType
from components.aws.node_group import CapacityType, EfaInterfaces, NodeGroup, NodeGroupArgs, Taint
from components.gpus.gpu_queues import GPU_RESOURCE, POOL_LABEL, TAINT, Mig, TimeSlicing

EFA_RESOURCE: Final = "vpc.amazonaws.com/efa"
# The device plugin looks its settings up under this node label.
PLUGIN_CONFIG_LABEL: Final = "nvidia.com/device-plugin.config"
_BOUNDARY = "plinth-node"


@dataclass(frozen=True, kw_only=True)
class GpuNodePoolArgs:
    """What a pool needs to know."""

    pool: str
    """Name of the pool, and value of its nodes' label."""
    cluster_name: pulumi.Input[str]
    """The EKS cluster."""
    node_role_arn: pulumi.Input[str]
    """The role of the nodes."""
    subnet_ids: pulumi.Input[list[str]]
    """Where nodes may be; of one zone with a placement group, EFA or a reservation."""
    kubernetes_version: pulumi.Input[str]
    """Version of the kubelet, the cluster's own."""
    security_group_id: pulumi.Input[str]
    """The cluster's group, in which nodes reach each other."""
    instance_types: tuple[str, ...]
    """Types with the same GPUs."""
    max_nodes: int
    """The most that an autoscaler starts."""
    min_nodes: int = 0
    """Nodes that always run."""
    ami_release: str | None = None
    """Release of the AMI; without it the newest when the pool is made."""
    capacity_type: CapacityType = "ON_DEMAND"
    """How instances are bought."""
    reservation: str | None = None
    """The capacity reservation or capacity block to use."""
    disk_gib: int = 200
    """Size of each node's volume; images with CUDA are large."""
    efa: bool = False
    """Adapters for training across nodes."""
    placement_group: bool = False
    """Nodes close together."""
    sharing: Mig | TimeSlicing | None = None
    """How a GPU is divided; whole if not given."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Refuse types without the GPUs that the pool promises."""
        types = known_types(self.instance_types)
        if len({(each.model, each.gpus) for each in types}) > 1:
            raise ValueError(
                f"instance_types: {', '.join(self.instance_types)} differ in GPUs; make a pool of each"
            )
        if self.efa and not types[0].efa:
            raise ValueError(f"efa: {types[0].name} has none; leave it out, or choose a larger type")
        if isinstance(self.sharing, Mig) and self.sharing.profile not in types[0].mig_profiles:
            have = ", ".join(types[0].mig_profiles) or "no MIG"
            raise ValueError(f"sharing: {self.sharing.profile}; {types[0].model} has {have}")


def known_types(names: tuple[str, ...]) -> list[InstanceType]:
    """Return the facts of types that have GPUs.

    Raises:
        ValueError: there is none, one is not known, or one has no GPU.
    """
    found: list[InstanceType] = []
    for name in names:
        each = instance_types.find(name)
        if each is None:
            raise ValueError(f"instance_types: {instance_types.unknown(name)}")
        if not each.gpus:
            raise ValueError(f"instance_types: {name} has no GPU")
        found.append(each)
    if not found:
        raise ValueError("instance_types: none given; name at least one")
    return found


def node_labels(pool: str, kind: InstanceType, sharing: Mig | TimeSlicing | None) -> dict[str, str]:
    """Return the labels by which pods, quotas and the device plugin know the pool's nodes."""
    found = {POOL_LABEL: pool, "nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": kind.model}
    return found if sharing is None else {**found, PLUGIN_CONFIG_LABEL: pool}


def user_data(kind: InstanceType, sharing: Mig | TimeSlicing | None, *, local_disks: bool = True) -> str:
    """Return what a node runs before it joins: local disks become one for images, GPUs are cut if asked."""
    parts: list[tuple[str, str]] = []
    if local_disks:
        config = (
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n"
            "spec:\n  instance:\n    localStorage:\n      strategy: RAID0\n"
        )
        parts.append(("application/node.eks.aws", config))
    if isinstance(sharing, Mig):
        cut = ",".join([sharing.profile] * kind.mig_profiles[sharing.profile])
        script = f"#!/bin/bash\nset -eu\nnvidia-smi -mig 1\nnvidia-smi mig -cgi {cut} -C\n"
        parts.append(('text/x-shellscript; charset="us-ascii"', script))
    lines = ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"', ""]
    for kind_of_part, content in parts:
        lines += [f"--{_BOUNDARY}", f"Content-Type: {kind_of_part}", "", content]
    lines.append(f"--{_BOUNDARY}--")
    return "\n".join(lines)


class GpuNodePool(pulumi.ComponentResource):
    """One pool, its placement group if asked for one, and its node group."""

    pool: str
    node_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: GpuNodePoolArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"instance_types": [*args.instance_types], "min": args.min_nodes, "max": args.max_nodes}
        super().__init__("plinth:index:GpuNodePool", name, inputs, opts)
        kind = known_types(args.instance_types)[0]
        child = ResourceOptions(parent=self)
        placement: pulumi.Output[str] | None = None
        if args.placement_group:
            placement = aws.ec2.PlacementGroup(
                f"{name}-placement", strategy="cluster", tags={"Name": name, **args.tags}, opts=child
            ).name
        devices = instance_types.devices_per_node([kind], args.sharing)
        adapters = {EFA_RESOURCE: str(kind.efa_interfaces)} if args.efa else {}
        group = NodeGroup(
            f"{name}-group",
            NodeGroupArgs(
                cluster_name=args.cluster_name,
                node_role_arn=args.node_role_arn,
                subnet_ids=args.subnet_ids,
                kubernetes_version=args.kubernetes_version,
                ami_type="AL2023_x86_64_NVIDIA",
                ami_release=args.ami_release,
                instance_types=args.instance_types,
                min_nodes=args.min_nodes,
                max_nodes=args.max_nodes,
                capacity_type=args.capacity_type,
                reservation=args.reservation,
                disk_gib=args.disk_gib,
                labels=node_labels(args.pool, kind, args.sharing),
                taints=(Taint(**TAINT),),
                resources={GPU_RESOURCE: str(devices), **adapters},
                user_data=base64.b64encode(user_data(kind, args.sharing).encode()).decode(),
                efa=(
                    EfaInterfaces(count=kind.efa_interfaces, security_group_id=args.security_group_id)
                    if args.efa
                    else None
                ),
                placement_group=placement,
                scarce=True,
                tags=args.tags,
            ),
            child,
        )
        self.pool = args.pool
        self.node_group_name = group.node_group_name
        self.register_outputs({"node_group_name": self.node_group_name})
