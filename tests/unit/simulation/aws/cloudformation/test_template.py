"""Planned resources as a CloudFormation template."""

from dataclasses import replace
from typing import Any

import pytest

from simulation.aws.cloudformation import template
from simulation.aws.planned import PlannedResource
from simulation.aws.wire import UNKNOWN
from tests.fixtures import planned as fixtures

BUCKET = "aws:s3/bucket:Bucket"


def planned(token: str, called: str = "one", **inputs: Any) -> PlannedResource:
    references = inputs.pop("references", {})
    # One of the inputs may be called `name`.
    return replace(fixtures.planned(token, called, references=references), inputs=inputs)


def only(*resources: PlannedResource) -> dict[str, Any]:
    made = template.template(resources)
    assert made.unmapped == ()
    ((resource),) = made.document["Resources"].values()
    return resource


@pytest.mark.parametrize(
    ("token", "inputs", "properties"),
    [
        (
            BUCKET,
            {"bucket": "b", "tags": {"a": "1"}},
            {"BucketName": "b", "Tags": [{"Key": "a", "Value": "1"}]},
        ),
        ("aws:eks/nodeGroup:NodeGroup", {"tags": {"a": "1"}}, {"Tags": {"a": "1"}}),
        ("aws:rds/instance:Instance", {"allocatedStorage": 20}, {"AllocatedStorage": "20"}),
        ("aws:iam/instanceProfile:InstanceProfile", {"role": "r", "tags": {}}, {"Roles": ["r"]}),
        ("aws:iam/role:Role", {"assumeRolePolicy": '{"a": 1}'}, {"AssumeRolePolicyDocument": {"a": 1}}),
        ("aws:ec2/flowLog:FlowLog", {"vpcId": "vpc-1"}, {"ResourceId": "vpc-1", "ResourceType": "VPC"}),
        (
            "aws:rds/parameterGroup:ParameterGroup",
            {"parameters": [{"name": "a", "value": "1"}]},
            {"Parameters": {"a": "1"}},
        ),
        (
            "aws:eks/cluster:Cluster",
            {"encryptionConfig": {"resources": ["secrets"]}, "enabledClusterLogTypes": ["api", "audit"]},
            {
                "EncryptionConfig": [{"Resources": ["secrets"]}],
                "Logging": {"ClusterLogging": {"EnabledTypes": [{"Type": "api"}, {"Type": "audit"}]}},
            },
        ),
        (
            "aws:ec2/launchTemplate:LaunchTemplate",
            {"name": "n", "blockDeviceMappings": [{"ebs": {"encrypted": "true"}}]},
            {
                "LaunchTemplateName": "n",
                "LaunchTemplateData": {"BlockDeviceMappings": [{"Ebs": {"Encrypted": True}}]},
            },
        ),
        (
            "aws:ecr/repository:Repository",
            {"encryptionConfigurations": [{"encryptionType": "KMS"}]},
            {"EncryptionConfiguration": {"EncryptionType": "KMS"}},
        ),
    ],
)
def test_inputs_become_properties(token: str, inputs: dict[str, Any], properties: dict[str, Any]) -> None:
    assert only(planned(token, **inputs))["Properties"] == properties


def test_a_rule_of_a_lifecycle_is_flat() -> None:
    rule = {"status": "Enabled", "filter": {"prefix": "a/"}, "expiration": {"days": 7}}
    made = only(planned("aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration", rules=[rule]))
    assert made["Properties"]["LifecycleConfiguration"] == {
        "Rules": [{"Status": "Enabled", "Prefix": "a/", "ExpirationInDays": 7}]
    }


def test_what_belongs_to_a_resource_is_merged_into_it_even_through_another_part() -> None:
    bucket = planned(BUCKET, bucket="b")
    versioning = planned(
        "aws:s3/bucketVersioning:BucketVersioning",
        bucket="b",
        versioningConfiguration={"status": "Enabled"},
        references={"bucket": (bucket.urn,)},
    )
    block = planned(
        "aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock",
        bucket="b",
        blockPublicAcls=True,
        references={"bucket": (versioning.urn,)},
    )
    assert only(bucket, versioning, block)["Properties"] == {
        "BucketName": "b",
        "VersioningConfiguration": {"Status": "Enabled"},
        "PublicAccessBlockConfiguration": {"BlockPublicAcls": True},
    }


def test_policies_of_a_role_are_added_up() -> None:
    role = planned("aws:iam/role:Role", assumeRolePolicy="{}")
    attached = [
        planned(
            "aws:iam/rolePolicyAttachment:RolePolicyAttachment",
            called=arn,
            role="r",
            policyArn=arn,
            references={"role": (role.urn,)},
        )
        for arn in ("a", "b")
    ]
    assert only(role, *attached)["Properties"]["ManagedPolicyArns"] == ["a", "b"]


def test_what_a_plan_cannot_know_is_left_open() -> None:
    made = only(planned("aws:eks/nodeGroup:NodeGroup", nodeRoleArn=UNKNOWN, subnetIds=[f"a{UNKNOWN}"]))
    assert made["Properties"] == {"NodeRole": {"Ref": "Unknown"}, "Subnets": [{"Ref": "Unknown"}]}


def test_a_listed_gap_is_left_out_and_any_other_is_named() -> None:
    made = template.template(
        [
            planned("aws:autoscaling/tag:Tag", autoscalingGroupName="a"),
            planned("aws:eks/fargateProfile:FargateProfile", clusterName="c", subnets=["subnet-1"]),
        ]
    )
    ((resource),) = made.document["Resources"].values()
    assert resource["Properties"] == {"ClusterName": "c", "Subnets": ["subnet-1"]}
    unnamed = template.template([planned("aws:ec2/defaultVpc:DefaultVpc")])
    assert unnamed.unmapped == ("aws:ec2/defaultVpc:DefaultVpc",)
    misnamed = template.template([planned("aws:sqs/queue:Queue", maxMessageSize=1024)])
    assert misnamed.unmapped == ("aws:sqs/queue:Queue maxMessageSize",)
