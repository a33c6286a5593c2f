"""Nodes with GPUs of one kind, as a managed node group that costs nothing while no pod needs them."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

from components.aws import gpu_partitioning, instance_types
from components.aws.instance_types import InstanceType
from components.aws.node_group import (
    CapacityType,
    EfaInterfaces,
    GroupSize,
    NodeGroup,
    NodeGroupArgs,
    Taint,
)
from components.gpus.gpu_pools import EFA_RESOURCE, GPU_RESOURCE, POOL_LABEL, TAINT, Mig, TimeSlicing

# Node label by which the device plugin chooses its settings.
PLUGIN_CONFIG_LABEL: Final = "nvidia.com/device-plugin.config"
# Without it the autoscaler takes a node whose GPUs are not registered yet for one without, and starts another
# (cluster-autoscaler 1.36, processors/customresources/gpu_processor.go).
_ACCELERATOR_LABEL: Final = "k8s.amazonaws.com/accelerator"
_BOUNDARY = "plinth-node"


@dataclass(frozen=True, kw_only=True)
class GpuNodePoolArgs:
    """Inputs of `GpuNodePool`."""

    pool: str
    """Name of the pool and value of its nodes' label."""
    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster."""
    node_role_arn: pulumi.Input[str]
    """ARN of the nodes' role."""
    subnet_ids: pulumi.Input[list[str]]
    """Subnets of the nodes; in one zone with a placement group, EFA or a reservation."""
    kubernetes_version: pulumi.Input[str]
    """Kubernetes version of the cluster and the kubelet."""
    security_group_id: pulumi.Input[str]
    """The cluster's security group, within which nodes can reach each other."""
    instance_types: tuple[str, ...]
    """Instance types with the same GPUs."""
    max_nodes: int
    """Largest number of nodes."""
    min_nodes: int = 0
    """Smallest number of nodes."""
    sizes: Mapping[str, GroupSize] = field(default_factory=dict[str, GroupSize])
    """Sizes that the cluster's node groups have now, by Pulumi name."""
    ami_release: str | None = None
    """Release of the AMI; by default the newest when the pool is created."""
    capacity_type: CapacityType = "ON_DEMAND"
    """How instances are bought."""
    reservation: str | None = None
    """The capacity reservation or capacity block to use."""
    disk_gib: int = 200
    """Size of each node's volume; images with CUDA are large."""
    efa: bool = False
    """Whether nodes get Elastic Fabric Adapters, for distributed training."""
    placement_group: bool = False
    """Whether nodes are placed close together."""
    sharing: Mig | TimeSlicing | None = None
    """How a GPU is divided; by default it is not."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource."""

    def __post_init__(self) -> None:
        """Reject types without the GPUs that the pool promises."""
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
    """Return the facts about instance types with GPUs.

    Raises:
        ValueError: none is given, one is unknown, or one has no GPU.
    """
    types: list[InstanceType] = []
    for name in names:
        each = instance_types.find(name)
        if each is None:
            raise ValueError(f"instance_types: {instance_types.unknown(name)}")
        if not each.gpus:
            raise ValueError(f"instance_types: {name} has no GPU")
        types.append(each)
    if not types:
        raise ValueError("instance_types: none given; name at least one")
    return types


def node_labels(pool: str, kind: InstanceType, sharing: Mig | TimeSlicing | None) -> dict[str, str]:
    """Return the labels by which pods, quotas and the device plugin select the pool's nodes."""
    shared = {POOL_LABEL: pool, "nvidia.com/gpu.present": "true", "nvidia.com/gpu.product": kind.model}
    return shared if sharing is None else {**shared, PLUGIN_CONFIG_LABEL: pool}


def user_data(kind: InstanceType, sharing: Mig | TimeSlicing | None, *, local_disks: bool = True) -> str:
    """Return the user data of a node: it joins local disks into one for images, and sets up MIG if needed."""
    parts: list[tuple[str, str]] = []
    if local_disks:
        config = (
            "apiVersion: node.eks.aws/v1alpha1\nkind: NodeConfig\n"
            "spec:\n  instance:\n    localStorage:\n      strategy: RAID0\n"
        )
        parts.append(("application/node.eks.aws", config))
    if isinstance(sharing, Mig):
        script = gpu_partitioning.user_data(sharing.profile, kind.mig_profiles[sharing.profile])
        parts.append(('text/x-shellscript; charset="us-ascii"', script))
    lines = ["MIME-Version: 1.0", f'Content-Type: multipart/mixed; boundary="{_BOUNDARY}"', ""]
    for kind_of_part, content in parts:
        lines += [f"--{_BOUNDARY}", f"Content-Type: {kind_of_part}", "", content]
    lines.append(f"--{_BOUNDARY}--")
    return "\n".join(lines)


def group_name(pool: str) -> str:
    """Return the Pulumi name of the node group of a `GpuNodePool`."""
    return f"{pool}-group"


class GpuNodePool(pulumi.ComponentResource):
    """One pool: its node group, and its placement group if there is one."""

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
        NodeGroup(
            group_name(name),
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
                sizes=args.sizes,
                capacity_type=args.capacity_type,
                reservation=args.reservation,
                disk_gib=args.disk_gib,
                labels={**node_labels(args.pool, kind, args.sharing), _ACCELERATOR_LABEL: kind.model.lower()},
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
        self.register_outputs({})
