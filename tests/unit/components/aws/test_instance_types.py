import re

import pytest

from components.aws import instance_types
from components.gpus.gpu_pools import Mig, TimeSlicing


@pytest.mark.parametrize("name", instance_types.names())
def test_facts_of_a_type_agree(name: str) -> None:
    each = instance_types.find(name)
    assert each is not None
    assert each.name == name
    assert re.fullmatch(r"[a-z0-9-]+\.\d*x?large", name)
    assert bool(each.model) is bool(each.gpus)
    assert each.gpus in (0, 1, 4, 8)
    assert each.memory_gib >= 2 * each.vcpus
    assert each.mig_capable is (each.model.split("-")[1:2] in (["A100"], ["H100"], ["H200"], ["B200"]))


@pytest.mark.parametrize(
    ("name", "vcpus", "memory", "gpus"),
    [
        ("g4dn.xlarge", 4, 16, 1),
        ("g5.12xlarge", 48, 192, 4),
        ("g6e.xlarge", 4, 32, 1),
        ("p4d.24xlarge", 96, 1152, 8),
        ("p5.48xlarge", 192, 2048, 8),
        ("m7i.xlarge", 4, 16, 0),
        ("c7i.xlarge", 4, 8, 0),
    ],
)
def test_types_are_what_aws_publishes(name: str, vcpus: int, memory: int, gpus: int) -> None:
    each = instance_types.find(name)
    assert each is not None
    assert (each.vcpus, each.memory_gib, each.gpus) == (vcpus, memory, gpus)


def test_mig_profiles_of_a_gpu_fit_into_it() -> None:
    for name in instance_types.names():
        each = instance_types.find(name)
        assert each is not None
        for profile, count in each.mig_profiles.items():
            slices = int(profile[0])
            assert slices * count <= 7, (name, profile)


@pytest.mark.parametrize(
    ("names", "sharing", "count"),
    [
        (["p4d.24xlarge"], None, 8),
        (["p4d.24xlarge"], Mig(profile="1g.5gb"), 56),
        (["g6.12xlarge"], TimeSlicing(replicas=2), 8),
        # The smallest type decides: no quota promises what a pool of it would lack.
        (["g6e.48xlarge", "g6e.xlarge", "g6e.12xlarge"], None, 1),
    ],
)
def test_devices_are_gpus_times_what_sharing_makes_of_each(
    names: list[str], sharing: Mig | TimeSlicing | None, count: int
) -> None:
    types = [instance_types.known(name) for name in names]
    assert instance_types.devices_per_node(types, sharing) == count


@pytest.mark.parametrize(
    ("name", "sharing", "message"),
    [
        ("m7i.large", None, "m7i.large has no GPU"),
        ("g6.xlarge", Mig(profile="1g.5gb"), "profile 1g.5gb; NVIDIA-L4-24GB of g6.xlarge has no MIG"),
        ("p4d.24xlarge", Mig(profile="1g.10gb"), "NVIDIA-A100-40GB of p4d.24xlarge has 1g.5gb, 2g.10gb"),
    ],
)
def test_devices_of_a_type_without_them_are_an_error_that_names_the_type(
    name: str, sharing: Mig | None, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        instance_types.devices_per_node([instance_types.known(name)], sharing)


def test_a_mistyped_name_is_answered_with_what_it_probably_means() -> None:
    assert instance_types.find("g5.2xlrage") is None
    assert "g5.2xlarge" in instance_types.unknown("g5.2xlrage")
    assert "p4d.24xlarge" in instance_types.unknown("p4d.large")
    assert instance_types.TABLE_DATE in instance_types.unknown("x")
