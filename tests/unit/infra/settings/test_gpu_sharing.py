import pytest

from components.gpus.gpu_pools import GpuPool, Mig, TimeSlicing
from infra.settings import gpu_sharing
from infra.settings.pools import GpuPoolSettings


def pool(**values: object) -> GpuPoolSettings:
    return GpuPoolSettings.model_validate(
        {"name": "training", "instanceTypes": ["p5.48xlarge"], "max": 4, **values}
    )


def test_devices_follow_from_the_instance_type() -> None:
    assert gpu_sharing.pools([pool()]) == (GpuPool(name="training", devices_per_node=8, max_nodes=4),)


def test_slices_and_turns_are_devices() -> None:
    sliced = pool(sharing={"kind": "mig", "profile": "1g.10gb"})
    turns = pool(sharing={"kind": "timeSlicing", "replicas": 4})
    first, second = gpu_sharing.pools([sliced, turns])
    assert (first.devices_per_node, first.sharing) == (56, Mig(profile="1g.10gb"))
    assert (second.devices_per_node, second.sharing) == (32, TimeSlicing(replicas=4))


@pytest.mark.parametrize("name", ["p5.48xlrage", "m7i.large"])
def test_a_type_whose_devices_cannot_be_counted_is_an_error_that_names_it(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        gpu_sharing.pools([pool(), pool(instanceTypes=["p5.48xlarge", name])])
