"""Pools and teams that cannot work: one clear clause for each mistake."""

from typing import Any

import pytest

from tests.unit.infra import choices

PROD = choices.of_stack("prod") | {"teams": []}
INFERENCE, BATCH, TRAINING, SHARED = range(4)


@pytest.mark.parametrize(
    ("pool", "change", "message"),
    [
        (INFERENCE, {"name": "batch"}, "plinth:gpuPools lists 'batch' twice: give each a name of its own"),
        (
            INFERENCE,
            {"min": 9},
            "plinth:gpuPools inference: min is 9, more than max 8: raise max or lower min",
        ),
        (
            INFERENCE,
            {"instanceTypes": ["g6.2xlarg"]},
            "plinth:gpuPools inference: instanceTypes names 'g6.2xlarg', which is no instance type known on",
        ),
        (INFERENCE, {"instanceTypes": ["m7i.large"]}, "instanceTypes names m7i.large, which has no GPU"),
        (
            INFERENCE,
            {"instanceTypes": ["g5.xlarge", "g6.xlarge"]},
            "instanceTypes mixes NVIDIA-A10G-24GB and NVIDIA-L4-24GB",
        ),
        (
            INFERENCE,
            {"instanceTypes": ["g6.xlarge", "g6.12xlarge"]},
            "instanceTypes mixes nodes of 1 and 4 GPUs",
        ),
        (INFERENCE, {"zones": ["us-east-1d"]}, "zones names us-east-1d, which is not a zone of the cluster"),
        (
            BATCH,
            {"reservation": "cr-0123456789abcdef0", "zones": ["us-east-1a"]},
            "instance type; instanceTypes has",
        ),
        (BATCH, {"min": 1}, "min above 0 with provisioner karpenter: Karpenter removes idle nodes"),
        (
            BATCH,
            {"placementGroup": True, "zones": ["us-east-1a"]},
            "plinth:gpuPools batch: placementGroup: true with provisioner karpenter",
        ),
        (TRAINING, {"zones": []}, "efa needs all nodes in one zone; zones has 0: name exactly one"),
        (
            TRAINING,
            {"capacityType": "SPOT", "reservation": "cr-0123456789abcdef0"},
            "plinth:gpuPools training: reservation with capacityType SPOT",
        ),
        (TRAINING, {"capacityType": "CAPACITY_BLOCK"}, "capacityType is CAPACITY_BLOCK without reservation"),
        (TRAINING, {"instanceTypes": ["g6.xlarge"]}, "efa is true, but g6.xlarge has no EFA"),
        (
            SHARED,
            {"sharing": {"kind": "mig", "profile": "1g.10gb"}},
            "sharing.profile is 1g.10gb; NVIDIA-A100-40GB of p4d.24xlarge has 1g.5gb, 2g.10gb",
        ),
        (
            SHARED,
            {"efa": True},
            "plinth:gpuPools shared: efa: true with sharing mig: slices of a GPU cannot use adapters",
        ),
        (
            SHARED,
            {"provisioner": "karpenter"},
            "plinth:gpuPools shared: sharing with provisioner karpenter: Karpenter counts whole GPUs",
        ),
        (
            INFERENCE,
            {"sharing": {"kind": "mig", "profile": "1g.5gb"}},
            "plinth:gpuPools inference: sharing is mig, but NVIDIA-L4-24GB of g6.2xlarge has no MIG",
        ),
    ],
)
def test_a_pool_that_cannot_work_is_named_with_its_remedy(
    pool: int, change: dict[str, Any], message: str
) -> None:
    values = PROD
    for key, value in change.items():
        values = choices.changed(values, f"gpuPools.{pool}.{key}", value)
    found = choices.problem(values)
    assert message in found
    assert found.count("plinth:") == 1 or "reservation" in change, found


@pytest.mark.parametrize(
    ("teams", "message"),
    [
        ([{"name": "a"}, {"name": "a"}], "plinth:teams lists 'a' twice"),
        (
            [{"name": "a", "gpuQuota": {"nowhere": 1}}],
            "plinth:teams a: gpuQuota names pool 'nowhere'; gpuPools has batch, inference, shared, sliced, "
            "training",
        ),
        (
            [{"name": "a", "gpuQuota": {"inference": 5}}, {"name": "b", "gpuQuota": {"inference": 4}}],
            "plinth:teams: quotas assign 9 devices of pool 'inference', which has 8 at its max",
        ),
        (
            [{"name": "a", "gpuQuota": {"sliced": 1}}, {"name": "b", "gpuQuota": {"sliced": 1}}],
            "plinth:teams: a and b share pool 'sliced', whose time slices isolate no memory",
        ),
        (
            [{"name": "a", "borrowing": False, "borrowingLimit": 1}],
            "plinth:teams a: borrowingLimit needs borrowing: true",
        ),
    ],
)
def test_a_team_that_cannot_work_is_named_with_its_remedy(teams: list[Any], message: str) -> None:
    sliced = {
        "name": "sliced",
        "instanceTypes": ["g6.xlarge"],
        "max": 2,
        "sharing": {"kind": "timeSlicing", "replicas": 2},
    }
    values = PROD | {"teams": teams, "gpuPools": [*PROD["gpuPools"], sliced]}
    assert message in choices.problem(values)


def test_quotas_are_checked_once_the_devices_of_every_pool_can_be_counted() -> None:
    team = {"name": "applied", "gpuQuota": {"inference": 9}}
    values = choices.changed(PROD | {"teams": [team]}, "gpuPools.0.instanceTypes", ["g6.2xlarg"])
    found = choices.problem(values)
    assert found.startswith("plinth:gpuPools inference: instanceTypes names 'g6.2xlarg'")
    assert "teams" not in found
