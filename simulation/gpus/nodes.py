"""Simulated nodes: KWOK acts as their kubelets, and Karpenter's KWOK provider scales a pool from zero."""

from collections.abc import Sequence
from typing import Any

from components import manifests
from components.aws import instance_types
from components.aws.instance_types import InstanceType
from components.aws.karpenter_node_pool import KarpenterNodePoolArgs, node_pool_spec
from components.gpus.gpu_pools import GPU_RESOURCE, POOL_LABEL, TAINT
from infra.settings.pools import GpuPoolSettings

Object = dict[str, Any]
_TYPE_LABEL = "node.kubernetes.io/instance-type"
_ZONE_LABEL = "topology.kubernetes.io/zone"
_CAPACITY_LABEL = "karpenter.sh/capacity-type"
_CLASS_GROUP = "karpenter.kwok.sh"
# Minutes on AWS; waiting that long would prove nothing more.
_IDLE_SECONDS = 5
NOT_READY_LABEL = "node-not-ready.stage.kwok.x-k8s.io"
# The behaviour of a kubelet: nodes become ready, pods run until they are deleted. No heartbeats, which would
# keep the API server busy; the controller manager is configured not to expect them.
_STAGES = (
    "kustomize/stage/node/fast/node-initialize.yaml",
    "kustomize/stage/node/chaos/node-not-ready.yaml",
    "kustomize/stage/pod/fast/pod-ready.yaml",
    "kustomize/stage/pod/fast/pod-delete.yaml",
)


def stages() -> list[Object]:
    """Return KWOK's configuration."""
    loaded = manifests.load("kwok", "sigs.k8s.io/kwok", *_STAGES)
    delete = manifests.find(loaded, "Stage", "pod-delete")["spec"]["selector"]["matchExpressions"]
    # A kubelet first ends a pod's containers and reports it; until then Kueue keeps the pod in its gang.
    end = {
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "Stage",
        "metadata": {"name": "pod-end"},
        "spec": {
            "resourceRef": {"apiGroup": "v1", "kind": "Pod"},
            "selector": {"matchExpressions": [*delete, _phase("Pending", "Running")]},
            "next": {"statusTemplate": "phase: Failed"},
        },
    }
    delete.append(_phase("Failed", "Succeeded"))
    return [*loaded, end]


def _phase(*values: str) -> Object:
    return {"key": ".status.phase", "operator": "In", "values": list(values)}


def node(name: str, kind: InstanceType, pool: str | None) -> Object:
    """Return a node as its node group would register it; without a pool, a node of the system pool."""
    resources = {
        "cpu": str(kind.vcpus),
        "memory": f"{kind.memory_gib}Gi",
        "pods": "110",
        **({GPU_RESOURCE: str(kind.gpus)} if kind.gpus else {}),
    }
    labels = {_TYPE_LABEL: kind.name, "kubernetes.io/os": "linux", "kubernetes.io/hostname": name}
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": {**labels, **({POOL_LABEL: pool} if pool else {})}},
        "spec": {"taints": [dict(TAINT)]} if pool else {},
        "status": {"allocatable": resources, "capacity": resources, "phase": "Pending"},
    }


def nodes(pool: GpuPoolSettings) -> list[Object]:
    """Return all nodes of a pool."""
    (name,) = pool.instance_types
    kind = instance_types.known(name)
    return [node(f"{pool.name}-{number}", kind, pool.name) for number in range(pool.max)]


def taints(node: Object) -> list[str]:
    """Return the keys of a node's taints."""
    return [taint["key"] for taint in node["spec"].get("taints", [])]


def karpenter_types(pool: GpuPoolSettings, zones: Sequence[str]) -> list[Object]:
    """Return the instance types that Karpenter's KWOK provider may start, in the format of its file."""
    types: list[Object] = []
    for name in pool.instance_types:
        kind = instance_types.known(name)
        offerings = [
            {
                "Price": 1.0,
                "Available": True,
                "Requirements": [_in(_CAPACITY_LABEL, "on-demand"), _in(_ZONE_LABEL, zone)],
            }
            for zone in zones
        ]
        types.append(
            {
                "name": kind.name,
                "offerings": offerings,
                "architecture": "amd64",
                "operatingSystems": ["linux"],
                "resources": {
                    "cpu": str(kind.vcpus),
                    "memory": f"{kind.memory_gib}Gi",
                    "ephemeral-storage": f"{pool.disk_gib}Gi",
                    "pods": "110",
                    GPU_RESOURCE: str(kind.gpus),
                },
            }
        )
    return types


def node_pool(pool: GpuPoolSettings, zones: Sequence[str]) -> list[Object]:
    """Return Karpenter's pool: as on AWS, except for its node class and its shorter idle time."""
    args = KarpenterNodePoolArgs(
        pool=pool.name,
        cluster_name="simulated",
        instance_profile="simulated",
        security_group_id="simulated",
        instance_types=pool.instance_types,
        max_nodes=pool.max,
        zones=tuple(zones),
        capacity_type=pool.capacity_type.value,
        idle_seconds=_IDLE_SECONDS,
    )
    spec = node_pool_spec(args, pool.name)
    spec["template"]["spec"]["nodeClassRef"] |= {"group": _CLASS_GROUP, "kind": "KWOKNodeClass"}
    node_class = {"apiVersion": f"{_CLASS_GROUP}/v1alpha1", "kind": "KWOKNodeClass", "spec": {}}
    node_pool = {"apiVersion": "karpenter.sh/v1", "kind": "NodePool", "spec": spec}
    return [{**each, "metadata": {"name": pool.name}} for each in (node_class, node_pool)]


def _in(key: str, *values: str) -> Object:
    return {"key": key, "operator": "In", "values": list(values)}
