import pytest

from components.gpus.gpu_pools import GpuPool, Mig
from components.gpus.gpu_scheduling import GpuScheduling, GpuSchedulingArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

POOLS = (
    GpuPool(name="training", devices_per_node=8, max_nodes=4),
    GpuPool(name="slices", devices_per_node=56, max_nodes=1, sharing=Mig(profile="1g.10gb")),
)


def deployed(
    *, pools: tuple[GpuPool, ...] = POOLS, shared: bool = True, preview: bool = False
) -> Deployment[GpuScheduling]:
    args = GpuSchedulingArgs(
        device_plugin_image="nvcr.io/nvidia/k8s-device-plugin:v0", pools=pools, shared=shared
    )
    return deploy(lambda: GpuScheduling("gpus", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "GpuScheduling")
    rules.assert_labelled(deployment)


def test_each_way_to_divide_a_gpu_has_its_plugin() -> None:
    deployment = deployed()
    assert {each.inputs["metadata"]["name"] for each in deployment.of_type("DaemonSet")} == {"whole", "mig"}
    # Namespaces of teams are made whether or not there are pools.
    (namespace,) = deployment.of_type("Namespace")
    assert namespace.inputs["metadata"]["name"] == "nvidia-device-plugin"


def test_without_pools_no_plugin_runs() -> None:
    assert not deployed(pools=()).of_type("DaemonSet")


def test_the_policies_are_handed_out_for_what_comes_after_them() -> None:
    # Kind, and its binding, of each.
    assert len(deployed().result.policies) == 8


def test_without_teams_nobody_is_kept_from_gpus() -> None:
    named = [
        each.inputs["metadata"]["name"]
        for each in deployed(shared=False).registrations
        if "metadata" in each.inputs
    ]
    assert "plinth-gpus-are-for-teams" not in named
    assert "plinth-gpu-nodes-are-for-gpu-pods" in named
