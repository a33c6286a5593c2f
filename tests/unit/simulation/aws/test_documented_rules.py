"""Rules that AWS documents and the SDK's types do not express."""

from typing import Any

import pytest

from simulation.aws import documented_rules, published_types
from simulation.aws.wire import UNKNOWN

NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
INSTANCE = "aws:rds/instance:Instance"
DATABASE: dict[str, Any] = {
    "engine": "postgres",
    "allocatedStorage": 20,
    "username": "plinth",
    "manageMasterUserPassword": True,
    "skipFinalSnapshot": True,
}


def broken(token: str, inputs: dict[str, Any]) -> dict[str, str]:
    return dict(documented_rules.find_violations(token, inputs))


def test_inputs_without_a_documented_rule_pass() -> None:
    assert broken("aws:sns/topic:Topic", {"name": "anything goes", "tags": {"a": "b"}}) == {}


@pytest.mark.parametrize(
    ("token", "inputs", "path", "reason"),
    [
        (NODE_GROUP, {"taints": [{"effect": "NoSchedule"}]}, "taints.effect", "AWS allows: NO_EXECUTE"),
        ("aws:s3/bucket:Bucket", {"bucket": "Upper"}, "bucket", "is 'Upper'; AWS requires"),
        ("aws:ec2/subnet:Subnet", {"vpcId": "main"}, "vpcId", r"is 'main'; it must look like vpc-\w+"),
        (
            "aws:ec2/subnet:Subnet",
            {"cidrBlock": "10.0.0.0"},
            "cidrBlock",
            r"is '10.0.0.0'; it must look like \d+\.\d+\.\d+\.\d+/\d+",
        ),
        (
            "aws:iam/role:Role",
            {"name": "a", "namePrefix": "b"},
            "name",
            "excludes namePrefix: give one of them",
        ),
    ],
)
def test_a_broken_rule_names_the_path_and_the_reason(
    token: str, inputs: dict[str, Any], path: str, reason: str
) -> None:
    assert list(broken(token, inputs)) == [path]
    assert reason in broken(token, inputs)[path]


def test_values_that_a_preview_does_not_know_pass() -> None:
    assert broken("aws:ec2/subnet:Subnet", {"vpcId": UNKNOWN, "cidrBlock": UNKNOWN}) == {}
    assert broken(NODE_GROUP, {"scalingConfig": UNKNOWN}) == {}
    assert broken(NODE_GROUP, {"scalingConfig": {"minSize": UNKNOWN, "desiredSize": 9, "maxSize": 2}}) == {}


@pytest.mark.parametrize("empty", [None, False, "", [], {}])
def test_an_empty_input_conflicts_with_nothing(empty: object) -> None:
    assert broken("aws:iam/role:Role", {"name": "a", "namePrefix": empty}) == {}


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"engine": None}, "engine"),
        ({"username": None}, "username"),
        ({"manageMasterUserPassword": None}, "password"),
        ({"skipFinalSnapshot": False}, "finalSnapshotIdentifier"),
        ({"multiAz": True, "availabilityZone": "a"}, "availabilityZone"),
        ({"backupRetentionPeriod": 36}, "backupRetentionPeriod"),
        ({"backupRetentionPeriod": -1}, "backupRetentionPeriod"),
    ],
)
def test_a_database_that_aws_would_refuse_is_refused(changes: dict[str, Any], path: str) -> None:
    assert broken(INSTANCE, DATABASE) == {}
    assert list(broken(INSTANCE, DATABASE | changes)) == [path]


def test_a_restored_database_takes_the_rest_from_its_snapshot() -> None:
    restored = {"snapshotIdentifier": "before", "skipFinalSnapshot": True}
    assert broken(INSTANCE, restored) == {}
    assert set(broken(INSTANCE, {"skipFinalSnapshot": True})) == {
        "engine",
        "allocatedStorage",
        "username",
        "password",
    }


@pytest.mark.parametrize(
    ("sizes", "paths"),
    [
        ((0, 0, 1), []),
        ((0, 0, 0), ["scalingConfig.maxSize"]),
        ((1, 3, 2), ["scalingConfig.desiredSize"]),
        ((2, 1, 3), ["scalingConfig.desiredSize"]),
    ],
)
def test_a_node_group_starts_between_its_bounds(sizes: tuple[int, int, int], paths: list[str]) -> None:
    scaling = dict(zip(("minSize", "desiredSize", "maxSize"), sizes, strict=True))
    assert list(broken(NODE_GROUP, {"scalingConfig": scaling})) == paths


@pytest.mark.parametrize(
    ("token", "inputs"),
    [
        ("aws:iam/role:Role", {"assumeRolePolicy": "trust"}),
        ("aws:iam/policy:Policy", {"policy": "identity"}),
        ("aws:s3/bucketPolicy:BucketPolicy", {"policy": "resource"}),
        ("aws:s3/bucket:Bucket", {}),
    ],
)
def test_policy_documents_are_found_by_input(token: str, inputs: dict[str, str]) -> None:
    assert documented_rules.policy_inputs(token) == inputs


def test_every_rule_names_an_input_of_the_published_sdk() -> None:
    """A rule for an input that the SDK renamed would never fire."""
    tables = (documented_rules._CLOSED_SETS, documented_rules._FORMATS, documented_rules._POLICY_INPUTS)
    for table in tables:
        for token, rules in table.items():
            tops = {path.partition(".")[0] for path in rules}
            assert tops <= set(published_types.resource(token).inputs), token
