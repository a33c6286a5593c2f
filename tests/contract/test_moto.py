"""An account that others simulate, moto's, accepts what every stack plans there.

The AWS SDK checks each request against AWS's own description of the service, and moto refuses what AWS does:
policies with faults, managed policies that do not exist, subnets that overlap or leave their network. Left
out are services that moto lacks, and types of which it only stores what it gets.
"""

import dataclasses
import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ParamValidationError
from moto import mock_aws

from simulation.aws.planned import PlannedResource
from tests.fixtures import planned

_STACKS = ("dev", "staging", "prod")
_REGION = "us-east-1"
_TRUST = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"Service": "ec2.amazonaws.com"}}
        ],
    }
)
_ATTACHMENT = "aws:iam/rolePolicyAttachment:RolePolicyAttachment"


class _Account:
    """moto's account, and the calls by which a resource is made there."""

    def __init__(self) -> None:
        names = ("ec2", "ecr", "events", "iam", "kms", "logs", "s3", "sqs")
        clients: dict[str, Any] = {each: boto3.client(each, region_name=_REGION) for each in names}  # pyright: ignore[reportArgumentType, reportCallIssue, reportUnknownMemberType, reportUnknownVariableType]
        self._ec2, self._ecr, self._events, self._iam = (clients[each] for each in names[:4])
        self._kms, self._logs, self._s3, self._sqs = (clients[each] for each in names[4:])
        self._network = ""
        self._iam.create_role(RoleName="any", AssumeRolePolicyDocument=_TRUST)

    def network(self, inputs: Mapping[str, Any]) -> None:
        self._network = self._ec2.create_vpc(CidrBlock=inputs["cidrBlock"])["Vpc"]["VpcId"]

    def subnet(self, inputs: Mapping[str, Any]) -> None:
        zone = inputs["availabilityZone"]
        self._ec2.create_subnet(VpcId=self._network, CidrBlock=inputs["cidrBlock"], AvailabilityZone=zone)

    def role(self, inputs: Mapping[str, Any]) -> None:
        self._iam.update_assume_role_policy(RoleName="any", PolicyDocument=inputs["assumeRolePolicy"])

    def rights(self, inputs: Mapping[str, Any]) -> None:
        # The recorder's ARNs of roles have a region, and no kind.
        policy = re.sub(r"arn:aws:iam:[a-z0-9-]+:(\d+):", r"arn:aws:iam::\1:role/", inputs["policy"])
        self._iam.put_role_policy(RoleName="any", PolicyName="any", PolicyDocument=policy)
        self._iam.delete_role_policy(RoleName="any", PolicyName="any")

    def attachment(self, inputs: Mapping[str, Any]) -> None:
        self._iam.get_policy(PolicyArn=inputs["policyArn"])

    def key(self, inputs: Mapping[str, Any]) -> None:
        made = self._kms.create_key(Policy=inputs["policy"], Description=inputs["description"])
        self._kms.enable_key_rotation(KeyId=made["KeyMetadata"]["KeyId"])

    def logs(self, inputs: Mapping[str, Any]) -> None:
        self._logs.create_log_group(logGroupName=inputs["name"])
        self._logs.put_retention_policy(
            logGroupName=inputs["name"], retentionInDays=inputs["retentionInDays"]
        )

    def bucket(self, inputs: Mapping[str, Any]) -> None:
        self._s3.create_bucket(Bucket=inputs["bucket"])

    def bucket_policy(self, inputs: Mapping[str, Any]) -> None:
        self._s3.put_bucket_policy(Bucket=inputs["bucket"], Policy=inputs["policy"])

    def lifecycle(self, inputs: Mapping[str, Any]) -> None:
        rules: list[dict[str, Any]] = []
        for each in inputs["rules"]:
            rule: dict[str, Any] = {
                "ID": each["id"],
                "Status": each["status"],
                "Filter": {"Prefix": each["filter"]["prefix"]},
            }
            if kept := each.get("noncurrentVersionExpiration"):
                rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": kept["noncurrentDays"]}
            if kept := each.get("expiration"):
                rule["Expiration"] = {"Days": kept["days"]} if "days" in kept else {}
            if kept := each.get("abortIncompleteMultipartUpload"):
                rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": kept["daysAfterInitiation"]}
            rules.append(rule)
        self._s3.put_bucket_lifecycle_configuration(
            Bucket=inputs["bucket"], LifecycleConfiguration={"Rules": rules}
        )

    def repository(self, inputs: Mapping[str, Any]) -> None:
        self._ecr.create_repository(
            repositoryName=inputs["name"], imageTagMutability=inputs["imageTagMutability"]
        )

    def expiry(self, inputs: Mapping[str, Any]) -> None:
        self._ecr.put_lifecycle_policy(
            repositoryName=inputs["repository"], lifecyclePolicyText=inputs["policy"]
        )

    def queue(self, inputs: Mapping[str, Any]) -> None:
        kept = str(inputs["messageRetentionSeconds"])
        self._sqs.create_queue(QueueName="any", Attributes={"MessageRetentionPeriod": kept})

    def rule(self, inputs: Mapping[str, Any]) -> None:
        self._events.put_rule(Name="any", EventPattern=inputs["eventPattern"])


_CALLS: Mapping[str, Callable[[_Account, Mapping[str, Any]], None]] = {
    # In an order in which what is named exists.
    "aws:ec2/vpc:Vpc": _Account.network,
    "aws:ec2/subnet:Subnet": _Account.subnet,
    "aws:iam/role:Role": _Account.role,
    "aws:iam/rolePolicy:RolePolicy": _Account.rights,
    _ATTACHMENT: _Account.attachment,
    "aws:kms/key:Key": _Account.key,
    "aws:cloudwatch/logGroup:LogGroup": _Account.logs,
    "aws:s3/bucket:Bucket": _Account.bucket,
    "aws:s3/bucketPolicy:BucketPolicy": _Account.bucket_policy,
    "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration": _Account.lifecycle,
    "aws:ecr/repository:Repository": _Account.repository,
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": _Account.expiry,
    "aws:sqs/queue:Queue": _Account.queue,
    "aws:cloudwatch/eventRule:EventRule": _Account.rule,
}


def _refused(resources: list[PlannedResource]) -> Iterator[str]:
    """Yield a line for each resource that moto or the SDK refuses."""
    # Loading them takes seconds.
    attached = any(each.token == _ATTACHMENT for each in resources)
    with mock_aws(config={"iam": {"load_aws_managed_policies": attached}}):
        account = _Account()
        for token, call in _CALLS.items():
            for each in resources:
                if each.token == token:
                    try:
                        call(account, each.inputs)
                    except (ClientError, ParamValidationError) as error:
                        yield f"{each.name}: {error}"


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Credentials that are none, so that nothing could reach a real account."""
    for each in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(each, "testing")
    monkeypatch.delenv("AWS_PROFILE", raising=False)


@pytest.mark.parametrize("stack", _STACKS)
def test_moto_accepts_every_stack(stack: str) -> None:
    resources = [*planned.of_stack(stack).resources]
    assert [*_refused(resources)] == []
    # Karpenter's queue and its rules are not in every stack.
    seen = {each.token for each in resources}
    assert {each for each in _CALLS if each not in seen} <= {
        "aws:sqs/queue:Queue",
        "aws:cloudwatch/eventRule:EventRule",
    }


# What a resource of a type needs besides others of its own.
_NEEDS = {
    "aws:ec2/subnet:Subnet": "aws:ec2/vpc:Vpc",
    "aws:ecr/lifecyclePolicy:LifecyclePolicy": "aws:ecr/repository:Repository",
}


@pytest.mark.parametrize(
    ("token", "inputs", "reason"),
    [
        ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.30.192.0/18"}, "InvalidSubnet.Conflict"),
        ("aws:ec2/subnet:Subnet", {"cidrBlock": "10.99.0.0/22"}, "InvalidSubnet.Range"),
        ("aws:iam/rolePolicy:RolePolicy", {"policy": '{"Statement": {}}'}, "MalformedPolicyDocument"),
        ("aws:iam/role:Role", {"assumeRolePolicy": '{"Version": "x"}'}, "MalformedPolicyDocument"),
        (_ATTACHMENT, {"policyArn": "arn:aws:iam::aws:policy/AmazonEKSClusterPolicies"}, "NoSuchEntity"),
        ("aws:s3/bucket:Bucket", {"bucket": "ab"}, "InvalidBucketName"),
        ("aws:cloudwatch/logGroup:LogGroup", {"name": "a" * 513}, "InvalidParameterException"),
        ("aws:cloudwatch/eventRule:EventRule", {"eventPattern": "{"}, "InvalidEventPattern"),
        ("aws:ecr/lifecyclePolicy:LifecyclePolicy", {"policy": '{"rules": []}'}, "lifecyclePolicyText"),
    ],
)
def test_moto_refuses_what_aws_refuses(token: str, inputs: dict[str, Any], reason: str) -> None:
    resources = planned.of_stack("prod").resources
    needed = [each for each in resources if each.token == _NEEDS.get(token)]
    right, *others = [each for each in resources if each.token == token]
    wrong = dataclasses.replace(right, inputs={**right.inputs, **inputs})
    lines = [*_refused([*needed, wrong, *others])]
    assert any(reason in each for each in lines), lines
