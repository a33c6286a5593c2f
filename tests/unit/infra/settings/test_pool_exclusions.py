"""Choices that exclude each other are refused, whatever else a pool has."""

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.aws.gpu_node_pool import GpuNodePoolArgs
from components.aws.karpenter_node_pool import KarpenterNodePoolArgs
from infra.settings import pool_exclusions
from infra.settings.pool_exclusions import EXCLUSIONS, Exclusion
from infra.settings.pools import GpuPoolSettings, Provisioner

MIG = {"kind": "mig", "profile": "1g.5gb"}
RESERVATION = "cr-0123456789abcdef0"
# How a stack file makes each choice.
WRITTEN: dict[str, dict[str, Any]] = {
    "capacityType SPOT": {"capacityType": "SPOT"},
    "efa: true": {"efa": True},
    "min above 0": {"min": 1},
    "placementGroup: true": {"placementGroup": True},
    "provisioner karpenter": {"provisioner": "karpenter"},
    "reservation": {"reservation": RESERVATION},
    "sharing": {"sharing": {"kind": "timeSlicing", "replicas": 2}},
    "sharing mig": {"sharing": MIG},
}
ANY_POOL = st.fixed_dictionaries(
    {"name": st.just("pool"), "max": st.just(2)},
    optional={
        "provisioner": st.sampled_from(["nodeGroup", "karpenter"]),
        "instanceTypes": st.sampled_from([["p5.48xlarge"], ["g6.xlarge"], ["g6.xlarge", "g6.12xlarge"]]),
        "capacityType": st.sampled_from(["ON_DEMAND", "SPOT", "CAPACITY_BLOCK"]),
        "reservation": st.just(RESERVATION),
        "zones": st.just(["us-east-1b"]),
        "min": st.integers(0, 1),
        "efa": st.booleans(),
        "placementGroup": st.booleans(),
        "sharing": st.sampled_from([MIG, {"kind": "timeSlicing", "replicas": 2}]),
    },
).map(lambda values: {"instanceTypes": ["p4d.24xlarge"], **values})


def pool(values: dict[str, Any]) -> GpuPoolSettings:
    return GpuPoolSettings.model_validate(values)


def clause(exclusion: Exclusion) -> str:
    return f"{exclusion.one} with {exclusion.other}: {exclusion.reason}"


@pytest.mark.parametrize("exclusion", EXCLUSIONS, ids=lambda each: f"{each.one}, {each.other}")
@given(values=ANY_POOL)
def test_a_pair_is_refused_whatever_else_a_pool_has_and_either_alone_is_not(
    exclusion: Exclusion, values: dict[str, Any]
) -> None:
    one, other = WRITTEN[exclusion.one], WRITTEN[exclusion.other]
    assert clause(exclusion) in pool_exclusions.problems(pool({**values, **one, **other}))
    plain = {key: value for key, value in values.items() if key not in {*one, *other}}
    for alone in (one, other):
        assert clause(exclusion) not in pool_exclusions.problems(pool({**plain, **alone}))


def test_no_pair_is_listed_twice_and_every_choice_is_part_of_one() -> None:
    pairs = [frozenset((each.one, each.other)) for each in EXCLUSIONS]
    assert len(pairs) == len(set(pairs))
    assert frozenset().union(*pairs) == WRITTEN.keys()


def without_input() -> list[tuple[str, str]]:
    """Return provisioner and setting, for each setting that the provisioner's component has no input for."""
    components = {Provisioner.NODE_GROUP: GpuNodePoolArgs, Provisioner.KARPENTER: KarpenterNodePoolArgs}
    called = {"name": "pool", "min": "min_nodes", "max": "max_nodes"}
    return [
        (provisioner.value, field.alias or name)
        for provisioner, component in components.items()
        for name, field in GpuPoolSettings.model_fields.items()
        if called.get(name, name) not in {each.name for each in dataclasses.fields(component)}
        # Which component it is, and the subnets of these zones.
        and name not in ({"provisioner", "zones"} if component is GpuNodePoolArgs else {"provisioner"})
    ]


def test_there_are_settings_that_karpenters_pools_do_not_have() -> None:
    assert without_input() == [("karpenter", key) for key in ("min", "efa", "placementGroup")]


@pytest.mark.parametrize(("provisioner", "key"), without_input())
@given(values=ANY_POOL)
def test_a_setting_that_would_be_ignored_is_refused(
    provisioner: str, key: str, values: dict[str, Any]
) -> None:
    (written,) = [each for each in WRITTEN.values() if each.keys() == {key}]
    refused = pool_exclusions.problems(pool({**values, "provisioner": provisioner, **written}))
    assert any(clause.startswith(key) and f"provisioner {provisioner}" in clause for clause in refused)


def test_a_choice_that_does_not_exist_is_refused() -> None:
    with pytest.raises(ValueError, match="efa: no such choice"):
        Exclusion(one="efa", other="sharing", reason="")
