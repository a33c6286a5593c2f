"""Inputs that the simulated provider must refuse or accept."""

import json
from typing import Any

import pytest

from simulation.aws import checks
from simulation.aws.wire import UNKNOWN

ROLE = "arn:aws:iam::123456789012:role/r"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
INSTANCE = "aws:rds/instance:Instance"
RIGHT: dict[str, dict[str, Any]] = {
    NODE_GROUP: {
        "clusterName": "c",
        "nodeRoleArn": ROLE,
        "subnetIds": ["subnet-1"],
        "scalingConfig": {"minSize": 0, "desiredSize": 0, "maxSize": 2},
    },
    CLUSTER: {"roleArn": ROLE, "vpcConfig": {"subnetIds": ["subnet-1"]}},
    INSTANCE: {
        "engine": "postgres",
        "instanceClass": "db.m7g.large",
        "allocatedStorage": 20,
        "username": "plinth",
        "manageMasterUserPassword": True,
        "skipFinalSnapshot": True,
    },
    "aws:s3/bucket:Bucket": {"bucket": "plinth-artifacts"},
    "aws:iam/role:Role": {},
    "aws:ec2/launchTemplate:LaunchTemplate": {"name": "gpu"},
}


def reasons(token: str, **changes: Any) -> list[str]:
    return [f"{each.path} {each.reason}" for each in checks.find_faults(token, {**RIGHT[token], **changes})]


@pytest.mark.parametrize("token", [NODE_GROUP, CLUSTER, INSTANCE, "aws:s3/bucket:Bucket"])
def test_valid_inputs_pass(token: str) -> None:
    assert not reasons(token)


@pytest.mark.parametrize(
    ("token", "changes", "reason"),
    [
        (NODE_GROUP, {"subnetIds": None}, "subnetIds is required and missing"),
        (NODE_GROUP, {"subnetId": "subnet-1"}, "subnetId is not an input here; allowed: amiType"),
        (NODE_GROUP, {"subnetIds": "subnet-1"}, 'subnetIds is "subnet-1"; it must be a list'),
        (NODE_GROUP, {"subnetIds": ["a"]}, "subnetIds is 'a'; it must look like subnet-"),
        (NODE_GROUP, {"labels": [1]}, "labels is [1]; it must be a mapping"),
        (NODE_GROUP, {"labels": {"a": 1}}, "labels.a is 1; it must be of type string"),
        (NODE_GROUP, {"diskSize": "100"}, 'diskSize is "100"; it must be of type integer'),
        (NODE_GROUP, {"diskSize": True}, "diskSize is true; it must be of type integer"),
        (NODE_GROUP, {"taints": [{"key": "k"}]}, "taints[0].effect is required and missing"),
        (
            NODE_GROUP,
            {"taints": [{"key": "k", "effect": "NoSchedule"}]},
            "taints.effect is 'NoSchedule'; AWS allows: NO_EXECUTE, NO_SCHEDULE",
        ),
        (NODE_GROUP, {"capacityType": "spot"}, "capacityType is 'spot'; AWS allows: CAPACITY_BLOCK"),
        (NODE_GROUP, {"amiType": "AL2_x86_64_GPU"}, "amiType is 'AL2_x86_64_GPU'; AWS allows"),
        (
            NODE_GROUP,
            {"scalingConfig": {"minSize": 3, "desiredSize": 0, "maxSize": 2}},
            "scalingConfig.desiredSize is 0; it must be from 3 to 2",
        ),
        (
            NODE_GROUP,
            {"launchTemplate": {"id": "lt-1", "version": "1"}, "diskSize": 20},
            "launchTemplate excludes diskSize",
        ),
        (CLUSTER, {"roleArn": "r"}, "roleArn is 'r'; it must look like arn:aws"),
        (CLUSTER, {"enabledClusterLogTypes": ["all"]}, "enabledClusterLogTypes is 'all'; AWS allows: api"),
        (CLUSTER, {"version": "v1.36.0"}, "version is 'v1.36.0'; AWS requires"),
        (INSTANCE, {"instanceClass": "m7g.large"}, "instanceClass is 'm7g.large'; AWS requires"),
        (INSTANCE, {"skipFinalSnapshot": False}, "finalSnapshotIdentifier is required"),
        (INSTANCE, {"password": "p"}, "password excludes manageMasterUserPassword"),
        (INSTANCE, {"backupRetentionPeriod": 40}, "backupRetentionPeriod is 40; AWS keeps backups"),
        (INSTANCE, {"multiAz": True, "availabilityZone": "a"}, "availabilityZone excludes multiAz"),
        (INSTANCE, {"engine": "oracle"}, "engine is 'oracle'; AWS allows"),
        ("aws:s3/bucket:Bucket", {"acl": "world"}, 'acl is "world"; the SDK allows: authenticated-read'),
        ("aws:s3/bucket:Bucket", {"bucket": "Upper"}, "bucket is 'Upper'; AWS requires"),
        ("aws:s3/bucket:Bucket", {"bucket": "x" * 64}, "AWS requires"),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"networkInterfaces": [{"deviceIndex": 0}], "vpcSecurityGroupIds": ["sg-1"]},
            "networkInterfaces excludes vpcSecurityGroupIds",
        ),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"metadataOptions": {"httpTokens": "yes"}},
            "metadataOptions.httpTokens is 'yes'; AWS allows: optional, required",
        ),
    ],
)
def test_a_wrong_input_is_named_with_the_allowed_ones(
    token: str, changes: dict[str, Any], reason: str
) -> None:
    assert any(reason in each for each in reasons(token, **changes)), reasons(token, **changes)


def test_what_a_preview_cannot_know_yet_passes() -> None:
    assert not reasons(CLUSTER, roleArn=UNKNOWN, vpcConfig={"subnetIds": UNKNOWN})
    assert not reasons(NODE_GROUP, subnetIds=[UNKNOWN], scalingConfig=UNKNOWN)


def test_a_missing_required_key_is_reported_inside_a_known_value() -> None:
    assert reasons(CLUSTER, vpcConfig={}) == ["vpcConfig.subnetIds is required and missing"]


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ({"Effect": "Allow", "Action": "sts:AssumeRole"}, "statement 0: needs a Principal"),
        (
            {"Effect": "allow", "Action": "sts:AssumeRole", "Principal": "*"},
            "Effect must be Allow or Deny",
        ),
        ({"Effect": "Allow", "Principal": "*"}, "needs Action or NotAction"),
        ({"Effect": "Allow", "Action": "AssumeRole", "Principal": "*"}, "is not of the form service:"),
        (
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": "*", "Resource": "*"},
            "a trust policy names no resource",
        ),
        ({"Effect": "Allow", "Actions": [], "Principal": "*"}, "has the unknown key Actions"),
    ],
)
def test_a_wrong_policy_is_refused(statement: dict[str, Any], reason: str) -> None:
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    assert any(reason in each for each in reasons("aws:iam/role:Role", assumeRolePolicy=policy))


@pytest.mark.parametrize("policy", ["{", "[]", '{"Statement": []}'])
def test_a_text_that_is_no_policy_is_refused(policy: str) -> None:
    found = reasons("aws:iam/role:Role", assumeRolePolicy=policy)
    assert any("is no policy document" in each for each in found)


def test_a_policy_that_is_not_known_yet_passes() -> None:
    assert not reasons("aws:iam/role:Role", assumeRolePolicy=f"before {UNKNOWN} after")


def test_settings_of_the_provider_are_checked() -> None:
    assert not checks.find_provider_faults({"region": "eu-west-1", "version": "7.51.1"})
    assert not checks.find_provider_faults({"defaultTags": '{"tags": {"a": "b"}}'})
    (fault,) = checks.find_provider_faults({"regoin": "eu-west-1"})
    assert fault.path == "regoin"
