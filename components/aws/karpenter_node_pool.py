"""Nodes with GPUs of one kind, which Karpenter starts for pending pods and stops when they are empty."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions

from components.aws.gpu_node_pool import known_types, node_labels, user_data
from components.aws.node_group import CapacityType
from components.gpus.gpu_pools import GPU_RESOURCE, TAINT, Mig, TimeSlicing
from components.shapes.labels import labels

# Without this tag the EBS CSI driver may attach no volume to a node; EKS tags the nodes of its groups itself.
_STORAGE_TAG = "ebs.csi.aws.com/cluster-name"
# Karpenter's names of the capacity types; to Karpenter a capacity block is a reservation.
_CAPACITY: Mapping[str, str] = {"ON_DEMAND": "on-demand", "SPOT": "spot", "CAPACITY_BLOCK": "reserved"}


@dataclass(frozen=True, kw_only=True)
class KarpenterNodePoolArgs:
    """Inputs of `KarpenterNodePool`."""

    pool: str
    """Name of the pool and value of its nodes' label."""
    cluster_name: pulumi.Input[str]
    """Name of the EKS cluster; Karpenter finds subnets by its tag."""
    instance_profile: pulumi.Input[str]
    """Instance profile of the nodes."""
    security_group_id: pulumi.Input[str]
    """The cluster's security group, within which nodes can reach each other."""
    instance_types: tuple[str, ...]
    """Instance types with the same kind of GPU; Karpenter picks the cheapest that fits."""
    max_nodes: int
    """Limit of the pool, as a number of nodes of the smallest type."""
    zones: tuple[str, ...]
    """Availability zones of the nodes."""
    ami_release: str = "latest"
    """Release of the AMI, such as `v20261101`; `latest` replaces nodes whenever AWS has a newer one."""
    capacity_type: CapacityType = "ON_DEMAND"
    """How instances are bought."""
    reservation: str | None = None
    """The capacity reservation or capacity block to use."""
    disk_gib: int = 200
    """Size of each node's volume; images with CUDA are large."""
    sharing: Mig | TimeSlicing | None = None
    """How a GPU is divided; by default it is not."""
    idle_seconds: int = 300
    """Time after which an empty node is stopped."""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    """Tags on every instance and volume."""

    def __post_init__(self) -> None:
        """Reject pools that would never start a node."""
        types = known_types(self.instance_types)
        if len({each.model for each in types}) > 1:
            raise ValueError(
                f"instance_types: {', '.join(self.instance_types)} differ in GPUs; make a pool of each"
            )
        if not self.zones:
            raise ValueError("zones: none given; name the zones of the nodes")
        if self.reservation and self.capacity_type == "SPOT":
            raise ValueError(
                "reservation, capacity_type: reserved capacity is no spot; leave out one of them"
            )
        if self.max_nodes < 1:
            raise ValueError(f"max_nodes: {self.max_nodes}; give at least 1")


def node_class_spec(args: KarpenterNodePoolArgs) -> dict[str, Any]:
    """Return the spec of the EC2NodeClass: image, disk and network of a node."""
    kind = known_types(args.instance_types)[0]
    spec: dict[str, Any] = {
        "amiSelectorTerms": [{"alias": f"al2023@{args.ami_release}"}],
        "instanceProfile": args.instance_profile,
        "subnetSelectorTerms": [{"tags": {"karpenter.sh/discovery": args.cluster_name}}],
        "securityGroupSelectorTerms": [{"id": args.security_group_id}],
        "instanceStorePolicy": "RAID0",
        "blockDeviceMappings": [
            {
                "deviceName": "/dev/xvda",
                "ebs": {
                    "volumeType": "gp3",
                    "volumeSize": f"{args.disk_gib}Gi",
                    "encrypted": True,
                    "deleteOnTermination": True,
                },
            }
        ],
        "metadataOptions": {
            "httpEndpoint": "enabled",
            "httpTokens": "required",
            "httpPutResponseHopLimit": 1,
            "httpProtocolIPv6": "disabled",
        },
        "detailedMonitoring": True,
        "tags": {"Name": f"{args.pool}-gpu", _STORAGE_TAG: args.cluster_name, **args.tags},
    }
    if isinstance(args.sharing, Mig):
        spec["userData"] = user_data(kind, args.sharing, local_disks=False)
    if args.reservation:
        spec["capacityReservationSelectorTerms"] = [{"id": args.reservation}]
    return spec


def node_pool_spec(args: KarpenterNodePoolArgs, node_class: pulumi.Input[str]) -> dict[str, Any]:
    """Return the spec of the NodePool: which nodes, how many, and when they are stopped."""
    types = known_types(args.instance_types)
    capacity = "reserved" if args.reservation else _CAPACITY[args.capacity_type]
    requirements = {
        "node.kubernetes.io/instance-type": [*args.instance_types],
        "topology.kubernetes.io/zone": [*args.zones],
        "karpenter.sh/capacity-type": [capacity],
        "kubernetes.io/arch": ["amd64"],
    }
    return {
        "template": {
            "metadata": {"labels": node_labels(args.pool, types[0], args.sharing)},
            "spec": {
                "nodeClassRef": {"group": "karpenter.k8s.aws", "kind": "EC2NodeClass", "name": node_class},
                "requirements": [
                    {"key": key, "operator": "In", "values": values} for key, values in requirements.items()
                ],
                "taints": [dict(TAINT)],
                # A node is replaced once a month; pods that must not be disrupted have a day to finish.
                "expireAfter": "720h",
                "terminationGracePeriod": "24h",
            },
        },
        "limits": {GPU_RESOURCE: str(args.max_nodes * min(each.gpus for each in types))},
        # Only empty nodes: to move a training run costs more than its node.
        "disruption": {
            "consolidationPolicy": "WhenEmpty",
            "consolidateAfter": f"{args.idle_seconds}s",
            # By default a tenth of the nodes is stopped at a time, and idle GPUs are billed meanwhile.
            "budgets": [
                {"nodes": "100%", "reasons": ["Empty"]},
                {"nodes": "10%", "reasons": ["Drifted", "Underutilized"]},
            ],
        },
    }


class KarpenterNodePool(pulumi.ComponentResource):
    """One NodePool and its EC2NodeClass."""

    def __init__(self, name: str, args: KarpenterNodePoolArgs, opts: ResourceOptions | None = None) -> None:
        inputs = {"instance_types": [*args.instance_types], "max": args.max_nodes}
        super().__init__("plinth:index:KarpenterNodePool", name, inputs, opts)
        metadata: kubernetes.meta.v1.ObjectMetaArgsDict = {
            "name": args.pool,
            "labels": labels("karpenter", name, "node-pool"),
        }
        node_class = kubernetes.apiextensions.CustomResource(
            f"{name}-class",
            api_version="karpenter.k8s.aws/v1",
            kind="EC2NodeClass",
            metadata=metadata,
            spec=node_class_spec(args),
            opts=ResourceOptions(parent=self),
        )
        kubernetes.apiextensions.CustomResource(
            f"{name}-pool",
            api_version="karpenter.sh/v1",
            kind="NodePool",
            metadata=metadata,
            spec=node_pool_spec(args, node_class.id.apply(lambda _: args.pool)),
            opts=ResourceOptions(parent=self),
        )
        self.register_outputs({})
