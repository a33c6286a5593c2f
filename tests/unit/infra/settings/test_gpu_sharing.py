import pytest

from components.gpus.gpu_queues import GpuPool, GpuTeam, Mig, TimeSlicing
from infra.settings import gpu_sharing
from infra.settings.pools import GpuPoolSettings
from infra.settings.teams import TeamSettings


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


def test_teams_keep_their_quota_and_what_they_may_borrow() -> None:
    values = {"name": "research", "gpuQuota": {"training": 8}, "borrowingLimit": 4}
    assert gpu_sharing.teams([TeamSettings.model_validate(values)]) == (
        GpuTeam(name="research", quota={"training": 8}, borrowing=True, borrowing_limit=4),
    )
