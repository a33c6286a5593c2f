"""The table of inputs whose change replaces a resource."""

import pytest

from simulation.aws import published_types, replacements
from simulation.aws.published_types import ListOf, Record, Shape


@pytest.mark.parametrize("token", replacements.tokens())
def test_every_path_of_the_table_is_an_input_of_the_sdk(token: str) -> None:
    for path in replacements.paths(token):
        if path == "*":
            continue
        fields = published_types.resource(token).inputs
        for name in path.split("."):
            assert name in fields, f"{token} has no input {path}"
            shape: Shape = fields[name].shape
            while isinstance(shape, ListOf):
                shape = shape.item
            fields = shape.fields if isinstance(shape, Record) else {}


def test_every_stateful_type_is_in_the_table() -> None:
    assert set(replacements.tokens()) >= replacements.STATEFUL


def test_a_changed_name_replaces_and_a_changed_size_does_not() -> None:
    old = {"identifier": "a", "instanceClass": "db.t4g.micro"}
    token = "aws:rds/instance:Instance"
    assert replacements.replacing(token, old, old | {"instanceClass": "db.t4g.small"}) == []
    assert replacements.replacing(token, old, old | {"identifier": "b"}) == ["identifier"]


def test_nested_inputs_are_compared_in_lists_too() -> None:
    token = "aws:eks/nodeGroup:NodeGroup"
    old = {"launchTemplate": {"id": "lt-1", "version": "1"}}
    assert not replacements.replacing(token, old, {"launchTemplate": {"id": "lt-1", "version": "2"}})
    changed = replacements.replacing(token, old, {"launchTemplate": {"id": "lt-2", "version": "1"}})
    assert changed == ["launchTemplate.id"]


def test_encryption_can_be_added_to_a_cluster_but_not_removed() -> None:
    token = "aws:eks/cluster:Cluster"
    encrypted = {"encryptionConfig": {"provider": {"keyArn": "k"}, "resources": ["secrets"]}}
    assert not replacements.replacing(token, {}, encrypted)
    assert replacements.replacing(token, encrypted, {})


def test_every_input_but_tags_replaces_an_attachment() -> None:
    token = "aws:eks/accessPolicyAssociation:AccessPolicyAssociation"
    assert replacements.replacing(token, {"policyArn": "a"}, {"policyArn": "b"}) == ["policyArn"]


def test_null_is_absent() -> None:
    assert replacements.changed({"a": None}, {"b": None, "__named": True}) == []
