"""What starts nodes on AWS is scraped."""

from typing import Any

import pytest

from components.gpus import efa_device_plugin
from infra.parts.nodes import NODES
from infra.settings import stack_file
from tests.fixtures import platform
from tests.unit.components import rules


@pytest.mark.parametrize(
    ("stack", "names"), [("dev", {"cluster-autoscaler"}), ("prod", {"cluster-autoscaler", "karpenter"})]
)
def test_each_autoscaler_of_a_stack_is_a_target_that_prometheus_reaches(stack: str, names: set[str]) -> None:
    assert NODES.watch
    targets = {each.name: each for each in NODES.watch(stack_file.settings(stack)).targets}
    assert targets.keys() == names
    for name, target in targets.items():
        policy: dict[str, Any] = rules.policies(platform.stack(stack))[name]
        opened = {
            port["port"]
            for way in policy.get("ingress", [])
            if "prometheus" in str(way)
            for port in way["ports"]
        }
        assert opened == {target.port}, name


def test_a_cluster_that_others_made_has_no_nodes_of_the_stack() -> None:
    assert not NODES.wanted(stack_file.settings("local"))


@pytest.mark.parametrize("stack", ["dev", "staging", "prod"])
def test_the_namespace_of_the_plugin_of_adapters_is_claimed_where_it_is_made(stack: str) -> None:
    made = {each.inputs["metadata"]["name"] for each in platform.stack(stack).of_type("Namespace")}
    claimed = NODES.own_namespaces(stack_file.settings(stack))
    assert set(claimed) == made & {efa_device_plugin.NAMESPACE}
