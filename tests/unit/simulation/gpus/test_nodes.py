"""Simulated nodes: what KWOK plays, and what Karpenter may start."""

from typing import Any

import pytest

from components.aws import instance_types
from components.gpus.gpu_pools import GPU_RESOURCE, POOL_LABEL, TAINT
from infra.settings.pools import GpuPoolSettings, Provisioner
from simulation.gpus import nodes, tier

ZONES = ("us-east-1a", "us-east-1b")


@pytest.fixture(scope="module")
def pools() -> dict[str, GpuPoolSettings]:
    """The pools of the simulated stack."""
    return {pool.name: pool for pool in tier.settings().gpu_pools}


def test_a_gpu_node_offers_its_types_devices_and_keeps_other_pods_away() -> None:
    node = nodes.node("n", instance_types.known("p5.48xlarge"), "training")
    assert node["status"]["allocatable"][GPU_RESOURCE] == "8"
    assert node["status"]["allocatable"] == node["status"]["capacity"]
    assert node["metadata"]["labels"][POOL_LABEL] == "training"
    assert nodes.taints(node) == [TAINT["key"]]


def test_a_system_node_has_neither_devices_nor_taints() -> None:
    node = nodes.node("s", instance_types.known("m7i.xlarge"), None)
    assert GPU_RESOURCE not in node["status"]["allocatable"]
    assert POOL_LABEL not in node["metadata"]["labels"]
    assert nodes.taints(node) == []


def test_a_pool_has_as_many_nodes_as_its_maximum(pools: dict[str, GpuPoolSettings]) -> None:
    found = nodes.nodes(pools["inference"])
    assert [each["metadata"]["name"] for each in found] == [f"inference-{number}" for number in range(4)]


def test_karpenter_may_start_the_pools_types_in_every_zone(pools: dict[str, GpuPoolSettings]) -> None:
    (kind,) = nodes.karpenter_types(pools["burst"], ZONES)
    assert kind["name"] == "p4d.24xlarge"
    assert kind["resources"][GPU_RESOURCE] == "8"
    zones = [
        requirement["values"]
        for offering in kind["offerings"]
        for requirement in offering["Requirements"]
        if requirement["key"] == "topology.kubernetes.io/zone"
    ]
    assert zones == [[zone] for zone in ZONES]


def test_karpenters_pool_is_that_of_aws_but_for_its_class_of_nodes(pools: dict[str, GpuPoolSettings]) -> None:
    assert pools["burst"].provisioner is Provisioner.KARPENTER
    node_class, node_pool = nodes.node_pool(pools["burst"], ZONES)
    assert node_class["kind"] == "KWOKNodeClass"
    template = node_pool["spec"]["template"]["spec"]
    assert template["nodeClassRef"] == {
        "group": "karpenter.kwok.sh",
        "kind": "KWOKNodeClass",
        "name": "burst",
    }
    assert dict(TAINT) in template["taints"]
    assert node_pool["spec"]["limits"][GPU_RESOURCE] == str(80 * 8)
    assert node_pool["spec"]["disruption"]["consolidateAfter"] == "5s"
    assert {each["metadata"]["name"] for each in (node_class, node_pool)} == {"burst"}


def test_a_deleted_pod_ends_before_it_disappears(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kueue keeps the quota of a gang's member until its containers have ended."""
    expressions: list[Any] = [{"key": ".metadata.deletionTimestamp", "operator": "Exists"}]
    delete = {
        "kind": "Stage",
        "metadata": {"name": "pod-delete"},
        "spec": {"selector": {"matchExpressions": expressions}},
    }
    monkeypatch.setattr(nodes.manifests, "load", lambda *_: [delete])
    stages = {each["metadata"]["name"]: each["spec"] for each in nodes.stages()}
    assert stages["pod-end"]["next"] == {"statusTemplate": "phase: Failed"}

    def phases(stage: str) -> list[str]:
        expressions = stages[stage]["selector"]["matchExpressions"]
        (found,) = [each["values"] for each in expressions if each["key"] == ".status.phase"]
        return found

    assert phases("pod-end") == ["Pending", "Running"]
    assert phases("pod-delete") == ["Failed", "Succeeded"]
