"""The policies of whoever runs `up`: every type of every plan, existing actions, no wider than needed."""

import fnmatch
import json
from collections.abc import Iterator
from functools import cache
from typing import Any

import boto3
import pytest

from infra.account import deployer_policy
from infra.account.demand import demand_of
from infra.account.deployer_actions import CALLS
from infra.account.registrations import Registration
from infra.errors import InfraError
from infra.settings import stack_file
from infra.settings.cluster import EksSettings
from simulation.aws.policies import policy_faults
from tests.fixtures import platform

STACKS = ("dev", "staging", "prod")
# Verbs of actions that change nothing; AWS cannot restrict many of them.
_READS = ("BatchCheck", "BatchGet", "Describe", "Get", "List", "View")


def plan(stack: str) -> tuple[Registration, ...]:
    return tuple(
        Registration(token=each.type, name=each.name, inputs=each.inputs)
        for each in platform.stack(stack, preview=True).registrations
    )


@cache
def policies(stack: str) -> tuple[dict[str, Any], ...]:
    settings = stack_file.settings(stack)
    assert isinstance(settings.cluster, EksSettings)
    return deployer_policy.documents(demand_of(settings, stack), settings.cluster, plan(stack))


def statements(stack: str) -> Iterator[dict[str, Any]]:
    for document in policies(stack):
        yield from document["Statement"]


def allowed(stack: str, action: str, arn: str) -> bool:
    """Return whether an action on an ARN is allowed, whatever the conditions."""
    return any(
        action in each["Action"] and any(fnmatch.fnmatchcase(arn, one) for one in each["Resource"])
        for each in statements(stack)
    )


def is_read(action: str) -> bool:
    return action.partition(":")[2].startswith(_READS)


@pytest.mark.parametrize("stack", STACKS)
def test_every_type_of_the_plan_may_be_created_read_and_deleted(stack: str) -> None:
    types = {each.token for each in plan(stack) if each.token.startswith("aws:")}
    assert len(types) > 30
    granted = {action for each in statements(stack) for action in each["Action"]}
    for token in types:
        calls = CALLS[token]
        assert {*calls.writes, *calls.deletes, *calls.reads} <= granted, token


@pytest.mark.parametrize("stack", STACKS)
def test_every_name_of_the_plan_is_covered(stack: str) -> None:
    account, region = "111122223333", "us-east-1"
    for each in plan(stack):
        match each.token:
            case "aws:iam/role:Role":
                arn = f"arn:aws:iam::{account}:role/{each.name}-1a2b3c4"
                assert allowed(stack, "iam:CreateRole", arn), each.name
                assert allowed(stack, "iam:PassRole", arn), each.name
            case "aws:s3/bucket:Bucket":
                assert allowed(stack, "s3:CreateBucket", f"arn:aws:s3:::{each.inputs['bucket']}")
            case "aws:ecr/repository:Repository":
                arn = f"arn:aws:ecr:{region}:{account}:repository/{each.inputs['name']}"
                assert allowed(stack, "ecr:PutImage", arn)
            case "aws:rds/instance:Instance":
                arn = f"arn:aws:rds:{region}:{account}:db:{each.inputs['identifier']}"
                assert allowed(stack, "rds:CreateDBInstance", arn)
            case "aws:rds/parameterGroup:ParameterGroup":
                arn = f"arn:aws:rds:{region}:{account}:pg:{each.name}-1a2b3c4"
                assert allowed(stack, "rds:CreateDBInstance", arn)
            case "aws:rds/subnetGroup:SubnetGroup":
                arn = f"arn:aws:rds:{region}:{account}:subgrp:{each.name}-1a2b3c4"
                assert allowed(stack, "rds:CreateDBInstance", arn)
                snapshot = f"arn:aws:rds:{region}:{account}:snapshot:{each.name}-1a2b3c4-final"
                assert allowed(stack, "rds:CreateDBSnapshot", snapshot)
            case _:
                continue


@pytest.mark.parametrize("stack", STACKS)
def test_another_stack_and_another_role_are_out_of_reach(stack: str) -> None:
    for action, arn in (
        ("iam:PassRole", "arn:aws:iam::111122223333:role/Administrator"),
        ("iam:PutRolePolicy", "arn:aws:iam::111122223333:role/Administrator"),
        ("iam:AttachRolePolicy", "arn:aws:iam::111122223333:role/Administrator"),
        ("eks:DeleteCluster", "arn:aws:eks:us-east-1:111122223333:cluster/another"),
        ("s3:DeleteBucket", "arn:aws:s3:::another"),
        ("rds:DeleteDBInstance", "arn:aws:rds:us-east-1:111122223333:db:another"),
        ("ec2:DeleteVpc", "arn:aws:ec2:eu-west-1:111122223333:vpc/vpc-1"),
    ):
        assert not allowed(stack, action, arn), action


@pytest.mark.parametrize("stack", STACKS)
def test_writes_are_about_named_resources_and_deletions_about_tagged_ones(stack: str) -> None:
    own = {f"aws:{of}Tag/plinth:stack" for of in ("Resource", "Request")}
    for each in statements(stack):
        writes = [action for action in each["Action"] if not is_read(action)]
        condition = each.get("Condition", {}).get("StringEquals", {})
        if "*" in each["Resource"]:
            assert not writes or own & condition.keys(), writes
        for action in writes:
            assert "*" not in action, action
            if action in ("ec2:DeleteVpc", "ec2:DeleteSubnet", "kms:ScheduleKeyDeletion", "kms:CreateGrant"):
                assert condition["aws:ResourceTag/plinth:stack"] == f"plinth-{stack}", action


@pytest.mark.parametrize("stack", STACKS)
def test_only_policies_of_the_plan_can_be_attached(stack: str) -> None:
    (attach,) = [each for each in statements(stack) if "iam:AttachRolePolicy" in each["Action"]]
    known = {each.inputs["policyArn"] for each in plan(stack) if each.token.endswith(":RolePolicyAttachment")}
    assert set(attach["Condition"]["ArnEquals"]["iam:PolicyARN"]) == known
    assert not [arn for arn in known if "Administrator" in arn]


@pytest.mark.parametrize("stack", STACKS)
def test_the_documents_are_policies_that_iam_accepts(stack: str) -> None:
    assert 1 <= len(policies(stack)) <= 10
    for each in policies(stack):
        assert policy_faults(json.dumps(each), "identity") == []
        assert deployer_policy.size(each) <= 6144


# Actions that are not calls, or not called what they allow: of IAM, and S3's names for its own calls.
_NOT_CALLS = {
    "iam:PassRole",
    "kms:GenerateDataKeyWithoutPlaintext",
    "budgets:ModifyBudget",
    "budgets:ViewBudget",
    "servicequotas:GetAWSDefaultServiceQuota",
    "servicequotas:GetServiceQuota",
    "s3:DeleteObjectVersion",
    "s3:GetAccelerateConfiguration",
    "s3:GetBucketCORS",
    "s3:GetBucketObjectLockConfiguration",
    "s3:GetBucketPublicAccessBlock",
    "s3:GetEncryptionConfiguration",
    "s3:GetLifecycleConfiguration",
    "s3:GetReplicationConfiguration",
    "s3:ListBucket",
    "s3:ListBucketMultipartUploads",
    "s3:ListBucketVersions",
    "s3:PutBucketPublicAccessBlock",
    "s3:PutEncryptionConfiguration",
    "s3:PutLifecycleConfiguration",
}


_CLIENTS = {"servicequotas": "service-quotas", "tag": "resourcegroupstaggingapi"}


def test_every_action_is_a_call_of_its_service() -> None:
    granted = {action for stack in STACKS for each in statements(stack) for action in each["Action"]}
    session = boto3.Session(region_name="us-east-1")
    calls: set[str] = set()
    for service in {action.partition(":")[0] for action in granted}:
        name = _CLIENTS.get(service, service)
        model = session.client(name).meta.service_model  # type: ignore[call-overload]
        calls |= {f"{service}:{call}" for call in model.operation_names}
    assert sorted(granted - calls - _NOT_CALLS) == []
    assert sorted(_NOT_CALLS - granted) == []


def test_a_type_whose_calls_nobody_wrote_down_is_named() -> None:
    settings = stack_file.settings("dev")
    assert isinstance(settings.cluster, EksSettings)
    unknown = Registration(token="aws:glue/job:Job", name="new", inputs={})
    with pytest.raises(InfraError, match=r"of aws:glue/job:Job: add them to infra/account/deployer_actions"):
        deployer_policy.documents(demand_of(settings, "dev"), settings.cluster, (*plan("dev"), unknown))
