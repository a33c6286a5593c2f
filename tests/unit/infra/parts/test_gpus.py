"""GPU scheduling is there where pools are."""

from infra.parts.gpus import GPUS
from infra.settings import stack_file
from tests.fixtures import platform
from tests.unit.components import rules


def test_a_stack_without_pools_has_none_of_it() -> None:
    assert not GPUS.wanted(stack_file.settings("local"))
    assert not platform.stack("local").of_type("plinth:index:GpuScheduling")


def test_queues_come_after_the_policies_of_gpu_nodes() -> None:
    deployment = platform.stack("prod")
    flavor = deployment.one("ResourceFlavor", "queues-resource-flavor-training")
    policy = "gpu-scheduling-mutating-admission-policy-plinth-gpu-pods-tolerate-gpu-nodes"
    assert policy in rules.before(deployment, flavor)
