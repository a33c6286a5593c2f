"""A resource that an autoscaler expects is registered on the nodes that it starts, or the rule names it."""

from typing import Any

import pytest

from simulation.aws.plan_rules import promised_resources
from simulation.aws.planned import PlannedResource
from tests.fixtures.planned import planned

TEMPLATE = "k8s.io/cluster-autoscaler/node-template/"
GROUP = "urn:group"


def tag(key: str, value: str, group: str = GROUP) -> PlannedResource:
    return planned(
        "aws:autoscaling/tag:Tag",
        name=key,
        references={"autoscalingGroupName": (group,)},
        tag={"key": f"{TEMPLATE}{key}", "value": value},
    )


def node_group(group: str = GROUP, pool: str = "training") -> list[PlannedResource]:
    return [
        tag("label/pool", pool, group),
        tag("taint/nvidia.com/gpu", "present:NoSchedule", group),
        tag("resources/ephemeral-storage", "200Gi", group),
        tag("resources/vpc.amazonaws.com/efa", "32", group),
    ]


def node_pool() -> PlannedResource:
    taint = {"key": "nvidia.com/gpu", "value": "present", "effect": "NoSchedule"}
    template = {"metadata": {"labels": {"pool": "training"}}, "spec": {"taints": [taint]}}
    limits = {"cpu": "64", "vpc.amazonaws.com/efa": "8"}
    return planned("kubernetes:karpenter.sh/v1:NodePool", spec={"template": template, "limits": limits})


def plugin(registers: str = "vpc.amazonaws.com/efa", **pod: Any) -> PlannedResource:
    tolerations = [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoSchedule"}]
    return planned(
        "kubernetes:apps/v1:DaemonSet",
        metadata={"annotations": {"plinth.dev/registers": registers}},
        spec={"template": {"spec": {"tolerations": tolerations, **pod}}},
    )


def affinity(**expression: Any) -> dict[str, Any]:
    terms = [{"matchExpressions": [{"key": "pool", **expression}]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": terms}}
    return {"nodeAffinity": required}


def unkept(*plugins: PlannedResource) -> list[str]:
    """Return the reasons for a node group and a pool of Karpenter that are alike; they must be the same."""
    by_tags = [reason for _, reason in promised_resources.unregistered(node_group(), plugins)]
    by_limits = [reason for _, reason in promised_resources.unregistered([], [*plugins, node_pool()])]
    assert by_tags == by_limits
    return by_tags


@pytest.mark.parametrize(
    "pod",
    [
        {},
        {"tolerations": [{"operator": "Exists"}]},
        {"tolerations": [{"key": "nvidia.com/gpu", "value": "present"}]},
        {"nodeSelector": {"pool": "training"}},
        {"affinity": affinity(operator="In", values=["inference", "training"])},
        {"affinity": affinity(operator="NotIn", values=["inference"])},
        {"affinity": affinity(operator="Exists")},
    ],
)
def test_a_plugin_on_the_nodes_keeps_the_promise(pod: dict[str, Any]) -> None:
    assert unkept(plugin(**pod)) == []


@pytest.mark.parametrize(
    "pod",
    [
        {"tolerations": []},
        {"tolerations": [{"key": "nvidia.com/gpu", "value": "absent"}]},
        {"tolerations": [{"key": "nvidia.com/gpu", "operator": "Exists", "effect": "NoExecute"}]},
        {"nodeSelector": {"pool": "inference"}},
        {"affinity": affinity(operator="In", values=["inference"])},
        {"affinity": affinity(operator="NotIn", values=["training"])},
        {"affinity": affinity(operator="DoesNotExist")},
    ],
)
def test_a_plugin_that_never_runs_there_does_not(pod: dict[str, Any]) -> None:
    assert unkept(plugin(**pod)) == [
        "promises vpc.amazonaws.com/efa, which no DaemonSet on its nodes registers"
    ]


def test_neither_does_a_plugin_of_another_resource_or_none() -> None:
    assert len(unkept(plugin(registers="nvidia.com/gpu"))) == 1
    assert len(unkept()) == 1


def test_the_labels_of_one_group_are_not_those_of_another() -> None:
    groups = [*node_group(), *node_group("urn:other", "inference")]
    one = plugin(nodeSelector={"pool": "training"})
    (found,) = promised_resources.unregistered(groups, [one])
    assert found[0].references["autoscalingGroupName"] == ("urn:other",)


def test_an_operator_that_nobody_taught_it_is_no_match() -> None:
    with pytest.raises(ValueError, match="node affinity with the operator Gt"):
        unkept(plugin(affinity=affinity(operator="Gt", values=["1"])))


def test_gpu_nodes_that_start_have_a_label_and_the_autoscaler_is_told_of_it() -> None:
    label = "k8s.amazonaws.com/accelerator"
    gpus = [tag("resources/nvidia.com/gpu", "8")]
    told = [*gpus, tag(f"label/{label}", "nvidia-l4")]
    kind: dict[str, Any] = {"amiType": "AL2023_x86_64_NVIDIA"}
    labelled = planned("aws:eks/nodeGroup:NodeGroup", labels={label: "nvidia-l4"}, **kind)
    plain = planned("aws:eks/nodeGroup:NodeGroup", amiType="AL2023_x86_64_STANDARD")
    assert not [
        *promised_resources.unknown_while_starting([*told, *node_group("urn:other"), labelled, plain])
    ]
    (reason,) = [why for _, why in promised_resources.unknown_while_starting(gpus)]
    assert reason == f"promises GPUs without the label {label}"
    unlabelled = planned("aws:eks/nodeGroup:NodeGroup", labels={"a": "b"}, **kind)
    (reason,) = [why for _, why in promised_resources.unknown_while_starting([*told, unlabelled])]
    assert reason.startswith(f"has no label {label}")
