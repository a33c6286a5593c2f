"""Finds extended resources that an autoscaler expects of a node and that nothing there registers.

A pod that asks for one would start nodes until the pool is full, and pend all the same. So it would for a
minute on a node that starts, unless the autoscaler knows that its GPUs are on their way.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.shapes.labels import REGISTERS
from simulation.aws.planned import PlannedResource

_TAG = "aws:autoscaling/tag:Tag"
_NODE_POOL = "kubernetes:karpenter.sh/v1:NodePool"
_DAEMON_SET = "kubernetes:apps/v1:DaemonSet"
_NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
_TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"
# By this label the autoscaler knows a node whose GPUs are not registered yet.
_ACCELERATOR = "k8s.amazonaws.com/accelerator"


@dataclass(frozen=True, kw_only=True)
class _Promise:
    """An extended resource that an autoscaler expects of new nodes, with their labels and taints."""

    made_by: PlannedResource
    resource: str
    labels: Mapping[str, str]
    taints: Sequence[Mapping[str, str]]


def unregistered(
    on_aws: Iterable[PlannedResource], in_cluster: Sequence[PlannedResource]
) -> Iterator[tuple[PlannedResource, str]]:
    """Yield each promise that no DaemonSet keeps, with what makes it.

    A DaemonSet says in its annotation what it registers. Only the node labels in the autoscaler's tags
    count: it uses them, too, to predict which DaemonSets a new node runs.
    """
    plugins = [each for each in in_cluster if each.token == _DAEMON_SET]
    for promise in (*_node_groups(on_aws), *_node_pools(in_cluster)):
        if not any(_registered(each) == promise.resource and _runs_on(each, promise) for each in plugins):
            yield promise.made_by, f"promises {promise.resource}, which no DaemonSet on its nodes registers"


def unknown_while_starting(on_aws: Sequence[PlannedResource]) -> Iterator[tuple[PlannedResource, str]]:
    """Yield each group of GPU nodes that lacks the label, and each promise of GPUs that does not tell it."""
    for each in on_aws:
        nvidia = each.token == _NODE_GROUP and "NVIDIA" in str(each.inputs.get("amiType"))
        if nvidia and _ACCELERATOR not in (each.inputs.get("labels") or {}):
            yield each, f"has no label {_ACCELERATOR}: for a node that starts another would be started"
    for promise in _node_groups(on_aws):
        if promise.resource.endswith("/gpu") and _ACCELERATOR not in promise.labels:
            yield promise.made_by, f"promises GPUs without the label {_ACCELERATOR}"


def _node_groups(on_aws: Iterable[PlannedResource]) -> Iterator[_Promise]:
    """Yield the promises of the tags of each Auto Scaling group."""
    by_group: dict[tuple[str, ...], list[PlannedResource]] = {}
    for each in on_aws:
        if each.token == _TAG:
            by_group.setdefault(each.references.get("autoscalingGroupName", ()), []).append(each)
    for tags in by_group.values():
        labels: dict[str, str] = {}
        taints: list[Mapping[str, str]] = []
        for each in tags:
            kind, _, key = _key(each).partition("/")
            value: str = each.inputs["tag"]["value"]
            if kind == "label":
                labels[key] = value
            elif kind == "taint":
                content, _, effect = value.rpartition(":")
                taints.append({"key": key, "value": content, "effect": effect})
        for each in tags:
            kind, _, key = _key(each).partition("/")
            if kind == "resources" and _is_extended(key):
                yield _Promise(made_by=each, resource=key, labels=labels, taints=taints)


def _key(tag: PlannedResource) -> str:
    return str(tag.inputs["tag"]["key"]).removeprefix(_TEMPLATE)


def _node_pools(in_cluster: Iterable[PlannedResource]) -> Iterator[_Promise]:
    """Yield the promises of each pool of Karpenter: the resources that it limits."""
    for each in in_cluster:
        if each.token != _NODE_POOL:
            continue
        spec: Mapping[str, Any] = each.inputs["spec"]
        template: Mapping[str, Any] = spec["template"]
        for name in filter(_is_extended, spec.get("limits") or {}):
            yield _Promise(
                made_by=each,
                resource=name,
                labels=template.get("metadata", {}).get("labels", {}),
                taints=template["spec"].get("taints", []),
            )


def _is_extended(resource: str) -> bool:
    """Return whether a resource is one that Kubernetes does not count itself: those have a domain."""
    return "/" in resource


def _registered(plugin: PlannedResource) -> str | None:
    metadata: Mapping[str, Any] = plugin.inputs["metadata"]
    return (metadata.get("annotations") or {}).get(REGISTERS)


def _runs_on(plugin: PlannedResource, promise: _Promise) -> bool:
    pod: Mapping[str, Any] = plugin.inputs["spec"]["template"]["spec"]
    tolerations: list[Mapping[str, str]] = pod.get("tolerations") or []
    tolerated = all(
        taint["effect"] == "PreferNoSchedule" or any(_tolerates(each, taint) for each in tolerations)
        for taint in promise.taints
    )
    return tolerated and _selected(pod, promise.labels)


def _tolerates(toleration: Mapping[str, str], taint: Mapping[str, str]) -> bool:
    if toleration.get("key") and toleration["key"] != taint["key"]:
        return False
    if toleration.get("effect") and toleration["effect"] != taint["effect"]:
        return False
    return toleration.get("operator") == "Exists" or toleration.get("value", "") == taint.get("value", "")


def _selected(pod: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    wanted: Mapping[str, str] = pod.get("nodeSelector") or {}
    if not wanted.items() <= labels.items():
        return False
    affinity: Mapping[str, Any] = (pod.get("affinity") or {}).get("nodeAffinity") or {}
    required: Mapping[str, Any] | None = affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    if required is None:
        return True
    return any(
        all(_matches(each, labels) for each in term.get("matchExpressions") or [])
        for term in required["nodeSelectorTerms"]
    )


def _matches(expression: Mapping[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in expression["values"]
        case "NotIn":
            return value not in expression["values"]
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case other:
            raise ValueError(f"node affinity with the operator {other}: teach it to {__name__}")
