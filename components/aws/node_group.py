"""A managed node group and its launch template, with encrypted disks and instance metadata closed to pods."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

import pulumi
import pulumi_aws as aws
from pulumi import ResourceOptions

CapacityType = Literal["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]
# The EKS API's names of taint effects.
_EFFECTS: Final[Mapping[str, str]] = {
    "NoSchedule": "NO_SCHEDULE",
    "NoExecute": "NO_EXECUTE",
    "PreferNoSchedule": "PREFER_NO_SCHEDULE",
}
_AUTOSCALER: Final = "k8s.io/cluster-autoscaler/node-template"


@dataclass(frozen=True, kw_only=True)
class Taint:
    """A taint, with the effect as Kubernetes spells it."""

    key: str
    value: str
    effect: str

    def __post_init__(self) -> None:
        """Reject effects that Kubernetes does not have."""
        if self.effect not in _EFFECTS:
            raise ValueError(f"effect: {self.effect!r}; Kubernetes has {', '.join(_EFFECTS)}")


@dataclass(frozen=True, kw_only=True)
class GroupSize:
    """Size that a node group has now."""

    fewest: int
    """Smallest number of nodes that the autoscaler may choose."""
    most: int
    """Largest number of nodes that the autoscaler may choose."""
    nodes: int
    """Number of nodes."""


@dataclass(frozen=True, kw_only=True)
class EfaInterfaces:
    """Network cards with Elastic Fabric Adapters."""

    count: int
    security_group_id: pulumi.Input[str]
    """A security group whose members can reach each other on every port and protocol."""


@dataclass(frozen=True, kw_only=True)
class NodeGroupArgs:
    """Inputs of `NodeGroup`."""

    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster."""
    node_role_arn: pulumi.Input[str]
    """ARN of the nodes' role."""
    subnet_ids: pulumi.Input[list[str]]
    """Subnets of the nodes."""
    kubernetes_version: pulumi.Input[str]
    """Kubernetes version of the cluster and the kubelet."""
    ami_type: Literal["AL2023_x86_64_STANDARD", "AL2023_x86_64_NVIDIA"]
    """Type of the nodes' AMI."""
    instance_types: tuple[str, ...]
    """Interchangeable instance types; exactly one with a reservation."""
    min_nodes: int
    """Smallest number of nodes; with 0 the group costs nothing while no pod needs it."""
    max_nodes: int
    """Largest number of nodes."""
    sizes: Mapping[str, GroupSize] = field(default_factory=dict[str, GroupSize])
    """Sizes that the cluster's groups have now, by Pulumi name; this one is among them once it exists."""
    ami_release: str | None = None
    """Release of the AMI; by default the newest when the group is created."""
    capacity_type: CapacityType = "ON_DEMAND"
    """How instances are bought."""
    reservation: str | None = None
    """The capacity reservation or capacity block to use."""
    disk_gib: int = 100
    """Size of each node's encrypted volume."""
    labels: Mapping[str, str] = field(default_factory=dict[str, str])
    """Labels of the nodes."""
    taints: tuple[Taint, ...] = ()
    """Taints of the nodes."""
    resources: Mapping[str, str] = field(default_factory=dict[str, str])
    """Extended resources of a node, which an autoscaler cannot know while the group has no nodes."""
    user_data: str | None = None
    """User data of the nodes, in base64."""
    efa: EfaInterfaces | None = None
    """Adapters for distributed training."""
    placement_group: pulumi.Input[str] | None = None
    """Name of the placement group that places the nodes close together."""
    scarce: bool = False
    """Whether updates replace nodes without surge, because such instances are hard to get."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every resource, instances and volumes included."""
    after: tuple[pulumi.Resource, ...] = ()
    """Resources that nodes need when they join, such as the network add-on."""

    def __post_init__(self) -> None:
        """Reject what EKS or EC2 would reject minutes later."""
        if not self.instance_types:
            raise ValueError("instance_types: none given; name at least one")
        if not 0 <= self.min_nodes <= self.max_nodes or self.max_nodes < 1:
            raise ValueError(
                f"min_nodes, max_nodes: {self.min_nodes}, {self.max_nodes}; give 0 <= min <= max and max >= 1"
            )
        if self.reservation and self.capacity_type == "SPOT":
            raise ValueError(
                "reservation, capacity_type: reserved capacity is no spot; leave out one of them"
            )
        if self.capacity_type == "CAPACITY_BLOCK" and not self.reservation:
            raise ValueError("reservation: none given; CAPACITY_BLOCK needs the capacity block's")
        if self.reservation and len(self.instance_types) != 1:
            raise ValueError(f"instance_types: {len(self.instance_types)} given; a reservation is for one")


def autoscaler_tags(args: NodeGroupArgs) -> dict[str, str]:
    """Return the tags that describe a node of the group to the cluster autoscaler before there is one."""
    labels = {f"{_AUTOSCALER}/label/{key}": value for key, value in args.labels.items()}
    taints = {f"{_AUTOSCALER}/taint/{each.key}": f"{each.value}:{each.effect}" for each in args.taints}
    resources = {"ephemeral-storage": f"{args.disk_gib}Gi", **args.resources}
    return {
        **labels,
        **taints,
        **{f"{_AUTOSCALER}/resources/{key}": value for key, value in resources.items()},
    }


def scaling(
    args: NodeGroupArgs, present: GroupSize | None
) -> tuple[aws.eks.NodeGroupScalingConfigArgsDict, list[str]]:
    """Return the sizes of a group, and which of them an update ignores.

    The number of nodes belongs to the autoscaler. EKS takes the three sizes together, so it is given when
    another one changes: the present number, or the minimum if that is larger.

    Raises:
        ValueError: the group has more nodes than the new maximum.
    """
    nodes = present.nodes if present else 0
    if nodes > args.max_nodes:
        raise ValueError(
            f"max_nodes: {args.max_nodes}; the group has {nodes} nodes, and an update would stop some with "
            f"their pods: give at least {nodes}, or drain nodes and wait until the autoscaler stops them"
        )
    changes = present is not None and (present.fewest, present.most) != (args.min_nodes, args.max_nodes)
    config: aws.eks.NodeGroupScalingConfigArgsDict = {
        "min_size": args.min_nodes,
        "max_size": args.max_nodes,
        "desired_size": max(args.min_nodes, nodes),
    }
    return config, [] if changes else ["scalingConfig.desiredSize"]


def efa_network_interfaces(efa: EfaInterfaces) -> list[aws.ec2.LaunchTemplateNetworkInterfaceArgsDict]:
    """Return an interface for every network card; only the first carries IP traffic."""
    return [
        {
            "network_card_index": card,
            "device_index": 0 if card == 0 else 1,
            "interface_type": "efa" if card == 0 else "efa-only",
            "delete_on_termination": "true",
            "security_groups": [efa.security_group_id],
        }
        for card in range(efa.count)
    ]


class NodeGroup(pulumi.ComponentResource):
    """One node group."""

    node_group_name: pulumi.Output[str]

    def __init__(self, name: str, args: NodeGroupArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"instance_types": [*args.instance_types], "min": args.min_nodes, "max": args.max_nodes}
        super().__init__("plinth:index:NodeGroup", name, inputs, opts)
        self._name = name
        self._args = args
        self._child = ResourceOptions(parent=self)
        self._tags = {"Name": name, **args.tags}
        group = self._node_group(self._launch_template())
        self._autoscaler_tags(group)
        self.node_group_name = group.node_group_name
        self.register_outputs({"node_group_name": self.node_group_name})

    def _launch_template(self) -> aws.ec2.LaunchTemplate:
        args = self._args
        block = args.capacity_type == "CAPACITY_BLOCK"
        return aws.ec2.LaunchTemplate(
            f"{self._name}-template",
            # The node group follows the number of the newest version; the name never changes.
            update_default_version=True,
            block_device_mappings=[
                {
                    "device_name": "/dev/xvda",
                    "ebs": {
                        "volume_type": "gp3",
                        "volume_size": args.disk_gib,
                        "encrypted": "true",
                        "delete_on_termination": "true",
                    },
                }
            ],
            # One hop: pods in their own network namespace cannot fetch the node's credentials.
            metadata_options={
                "http_endpoint": "enabled",
                "http_tokens": "required",
                "http_put_response_hop_limit": 1,
                "instance_metadata_tags": "disabled",
            },
            monitoring={"enabled": True},
            network_interfaces=efa_network_interfaces(args.efa) if args.efa else None,
            placement={"group_name": args.placement_group} if args.placement_group is not None else None,
            instance_type=args.instance_types[0] if block else None,
            instance_market_options={"market_type": "capacity-block"} if block else None,
            capacity_reservation_specification=(
                {"capacity_reservation_target": {"capacity_reservation_id": args.reservation}}
                if args.reservation
                else None
            ),
            user_data=args.user_data,
            tag_specifications=[
                {"resource_type": kind, "tags": self._tags}
                for kind in ("instance", "volume", "network-interface")
            ],
            tags=self._tags,
            opts=self._child,
        )

    def _node_group(self, template: aws.ec2.LaunchTemplate) -> aws.eks.NodeGroup:
        args = self._args
        block = args.capacity_type == "CAPACITY_BLOCK"
        sizes, ignored = scaling(args, args.sizes.get(self._name))
        return aws.eks.NodeGroup(
            f"{self._name}-nodes",
            cluster_name=args.cluster_name,
            node_role_arn=args.node_role_arn,
            subnet_ids=args.subnet_ids,
            version=args.kubernetes_version,
            release_version=args.ami_release,
            ami_type=args.ami_type,
            capacity_type=args.capacity_type,
            # The launch template names a capacity block's type already; EKS rejects it in both places.
            instance_types=None if block else [*args.instance_types],
            launch_template={"id": template.id, "version": template.latest_version.apply(str)},
            scaling_config=sizes,
            update_config=(
                {"max_unavailable": 1, "update_strategy": "MINIMAL"}
                if args.scarce
                else {"max_unavailable_percentage": 33}
            ),
            node_repair_config={"enabled": True},
            labels=args.labels,
            taints=[
                {"key": each.key, "value": each.value, "effect": _EFFECTS[each.effect]}
                for each in args.taints
            ],
            tags=self._tags,
            opts=ResourceOptions(parent=self, depends_on=[*args.after], ignore_changes=ignored),
        )

    def _autoscaler_tags(self, group: aws.eks.NodeGroup) -> None:
        """Tag the autoscaling group: tags of a node group do not reach it."""
        scaling_group = group.resources.apply(lambda known: known[0].autoscaling_groups[0].name)  # pyright: ignore[reportOptionalSubscript]
        for key, value in autoscaler_tags(self._args).items():
            role = key.removeprefix(f"{_AUTOSCALER}/").replace("/", "-")
            aws.autoscaling.Tag(
                f"{self._name}-{role}",
                autoscaling_group_name=scaling_group,
                tag={"key": key, "value": value, "propagate_at_launch": False},
                opts=self._child,
            )
