import pytest

from components.gpus.gpu_pools import GpuPool, Mig, TimeSlicing


def test_a_pool_counts_the_devices_of_its_nodes_at_its_largest() -> None:
    assert GpuPool(name="training", devices_per_node=8, max_nodes=4).devices == 32


@pytest.mark.parametrize(
    ("sharing", "alone"), [(None, False), (Mig(profile="1g.10gb"), False), (TimeSlicing(replicas=4), True)]
)
def test_only_turns_of_a_gpu_share_memory(sharing: Mig | TimeSlicing | None, alone: bool) -> None:
    pool = GpuPool(name="training", devices_per_node=8, max_nodes=4, sharing=sharing)
    assert pool.one_team_only is alone
