"""Settings that can be changed on a running stack."""

from typing import Any

import pytest

from infra.settings import reader, stack_file
from infra.settings.stack import PROJECT
from simulation.aws import mutable_settings
from simulation.aws.mutable_settings import Change
from simulation.aws.planned import PlannedResource
from simulation.aws.rules import CLUSTER, INSTANCE, NODE_GROUP

STACKS = ("dev", "staging", "prod")


def planned(token: str, operation: str, name: str = "postgres-server", **more: Any) -> PlannedResource:
    return PlannedResource(
        operation=operation,
        urn=f"urn:pulumi:dev::plinth::{token}::{name}",
        token=token,
        inputs={},
        references={},
        protect=False,
        retain_on_delete=False,
        **more,
    )


@pytest.mark.parametrize("stack", STACKS)
def test_a_stack_with_every_change_is_still_valid(stack: str) -> None:
    content = stack_file.read(stack_file.path(stack))
    changed = mutable_settings.applied(content, mutable_settings.changes_of(stack))
    chosen = reader.parse(
        {key.removeprefix(f"{PROJECT}:"): value for key, value in changed["config"].items()}
    )
    assert chosen != stack_file.settings(stack)


@pytest.mark.parametrize("stack", STACKS)
def test_every_change_differs_from_the_stack_file(stack: str) -> None:
    content = stack_file.read(stack_file.path(stack))
    same = [
        each.setting
        for each in mutable_settings.changes_of(stack)
        if mutable_settings.applied(content, [each]) == content
    ]
    assert not same


def test_a_replaced_or_deleted_store_is_lost_and_others_are_not() -> None:
    plan = [
        planned(INSTANCE, "replace", replacing=("dbName",)),
        planned(CLUSTER, "delete"),
        planned(INSTANCE, "update"),
        planned(NODE_GROUP, "replace", replacing=("amiType",)),
    ]
    found = mutable_settings.find_data_loss(plan)
    assert len(found) == 2
    assert found[0].endswith("postgres-server: dbName")


def test_a_change_that_the_plan_does_not_show_is_reported() -> None:
    change = Change(setting="a", value=1, token=INSTANCE, name="postgres", changes="instanceClass")
    assert not mutable_settings.find_unplanned(
        [change], [planned(INSTANCE, "update", changed=("instanceClass",))]
    )
    assert mutable_settings.find_unplanned([change], [planned(INSTANCE, "update", changed=("tags",))])
    assert mutable_settings.find_unplanned([change], [planned(INSTANCE, "same")])
    assert mutable_settings.find_unplanned([change], [])


def test_changes_reach_into_lists() -> None:
    content: dict[str, Any] = {"config": {f"{PROJECT}:gpuPools": [{"name": "a", "max": 1}]}}
    changes = [
        Change(setting="gpuPools.0.max", value=2, token="", name=""),
        Change(setting="gpuPools.+", value={"name": "b"}, token="", name=""),
    ]
    made = mutable_settings.applied(content, changes)
    assert made["config"][f"{PROJECT}:gpuPools"] == [{"name": "a", "max": 2}, {"name": "b"}]
    assert content["config"][f"{PROJECT}:gpuPools"] == [{"name": "a", "max": 1}]
