"""Faults that plinth's own checks may not know, injected into resources that cfn-lint accepts."""

import json
from typing import Any

import pytest

from simulation.aws.cloudformation import lint
from simulation.aws.cloudformation.lint import Exemption, Failure
from tests.unit.simulation.aws.cloudformation.test_template import planned

ROLE = "arn:aws:iam::123456789012:role/r"
NODE_GROUP = "aws:eks/nodeGroup:NodeGroup"
CLUSTER = "aws:eks/cluster:Cluster"
INSTANCE = "aws:rds/instance:Instance"
LOGS = "aws:cloudwatch/logGroup:LogGroup"
RIGHTS = "aws:iam/rolePolicy:RolePolicy"


def policy(action: str) -> str:
    statement = {"Effect": "Allow", "Action": [action], "Resource": ["arn:aws:s3:::artifacts/*"]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


RIGHT: dict[str, dict[str, Any]] = {
    NODE_GROUP: {
        "clusterName": "c",
        "nodeRoleArn": ROLE,
        "subnetIds": ["subnet-0123456789abcdef0"],
        "scalingConfig": {"minSize": 0, "desiredSize": 0, "maxSize": 2},
        "amiType": "AL2023_x86_64_NVIDIA",
    },
    CLUSTER: {
        "name": "c",
        "roleArn": ROLE,
        "vpcConfig": {"subnetIds": ["subnet-0123456789abcdef0"]},
        "enabledClusterLogTypes": ["api"],
    },
    INSTANCE: {
        "engine": "postgres",
        "engineVersion": "17.6",
        "instanceClass": "db.m7g.large",
        "allocatedStorage": 20,
        "username": "plinth",
        "manageMasterUserPassword": True,
        "skipFinalSnapshot": True,
    },
    LOGS: {"name": "/plinth/network", "retentionInDays": 30},
    "aws:ecr/repository:Repository": {"name": "plinth/server"},
    "aws:kms/key:Key": {"deletionWindowInDays": 30},
    RIGHTS: {"name": "rights", "role": "r", "policy": policy("s3:GetObject")},
}


FAULTS: list[tuple[str, dict[str, Any], str, str]] = [
    (NODE_GROUP, {"nodeRoleArn": None}, "", "'NodeRole' is a required property"),
    (NODE_GROUP, {"amiType": "AL2023_x86_64_CUDA"}, "AmiType", "is not one of ["),
    (NODE_GROUP, {"taints": [{"effect": "NoSchedule"}]}, "Taints.0.Effect", "is not one of ["),
    (NODE_GROUP, {"scalingConfig": {"minSize": -1}}, "ScalingConfig.MinSize", "less than the minimum of 0"),
    (NODE_GROUP, {"diskSize": "large"}, "DiskSize", "is not of type 'integer'"),
    (NODE_GROUP, {"clusterName": ["c"]}, "ClusterName", "is not of type 'string'"),
    (CLUSTER, {"name": "-c"}, "Name", "does not match"),
    (
        CLUSTER,
        {"enabledClusterLogTypes": ["all"]},
        "Logging.ClusterLogging.EnabledTypes.0.Type",
        "not one of",
    ),
    (INSTANCE, {"instanceClass": "db.m99.large"}, "DBInstanceClass", "is not one of ["),
    (INSTANCE, {"engineVersion": "99.1"}, "EngineVersion", "is not one of ["),
    (INSTANCE, {"backupRetentionPeriod": 36}, "BackupRetentionPeriod", "greater than the maximum of 35"),
    (LOGS, {"retentionInDays": 31}, "RetentionInDays", "31 is not one of ["),
    ("aws:ecr/repository:Repository", {"name": "Plinth//x"}, "RepositoryName", "does not match"),
    ("aws:kms/key:Key", {"deletionWindowInDays": 3}, "PendingWindowInDays", "less than the minimum of 7"),
    (
        RIGHTS,
        {"policy": policy("s3:FetchObject")},
        "PolicyDocument.Statement.0.Action",
        "'fetchobject' is not",
    ),
]


@pytest.fixture(scope="module")
def found() -> list[Failure]:
    """Return the faults of all cases: a run of cfn-lint takes as long for one as for many."""
    wrong = [
        planned(token, called=f"wrong-{number}", **{**RIGHT[token], **changes})
        for number, (token, changes, _, _) in enumerate(FAULTS)
    ]
    exempt = planned(
        INSTANCE, called="exempt", **{**RIGHT[INSTANCE], "engine": "mariadb", "engineVersion": "10.11"}
    )
    return lint.find([*wrong, exempt, planned("aws:sqs/queue:Queue", maxMessageSize=1024)], "us-east-1")


def of(found: list[Failure], called: str) -> list[Failure]:
    return [each for each in found if each.resource.endswith(f" {called}")]


def test_valid_resources_pass() -> None:
    assert lint.find([planned(token, **RIGHT[token]) for token in RIGHT], "us-east-1") == []


@pytest.mark.parametrize("number", range(len(FAULTS)))
def test_a_fault_is_named_with_its_resource_and_place(found: list[Failure], number: int) -> None:
    _, _, path, message = FAULTS[number]
    mine = of(found, f"wrong-{number}")
    assert any(each.path == path and message in each.message for each in mine), [each.text() for each in mine]
    assert lint.without_exemptions(mine) == mine


def test_an_input_without_a_name_in_cloudformation_is_a_fault(found: list[Failure]) -> None:
    (failure,) = [each for each in found if each.rule == "mapping"]
    assert failure.text().startswith("mapping: aws:sqs/queue:Queue maxMessageSize : has no name")


def test_two_resources_of_one_name_are_refused() -> None:
    twice = [planned(LOGS, called=called, **RIGHT[LOGS]) for called in ("one", "two")]
    assert "should have unique values" in lint.find(twice, "us-east-1")[0].message


def test_an_exemption_covers_its_rule_and_message_alone(found: list[Failure]) -> None:
    (exempt,) = of(found, "exempt")
    assert lint.without_exemptions([exempt]) == []
    other = Failure(rule=exempt.rule, resource="", path="", message="'99.1' is not one of [")
    assert lint.without_exemptions([other]) == [other]


@pytest.mark.parametrize("each", lint.EXEMPTIONS, ids=lambda each: each.rule)
def test_every_exemption_has_a_reason(each: Exemption) -> None:
    assert len(each.reason.split()) >= 6, f"{each.rule}: write the reason"
