"""Planned resources in the format that policy scanners read."""

from typing import Any

import pytest

from simulation.aws import replacements, terraform_plan
from simulation.aws.planned import PlannedResource
from simulation.aws.wire import UNKNOWN
from tests.fixtures.planned import planned


@pytest.mark.parametrize(
    ("token", "expected"),
    [
        ("aws:ec2/vpc:Vpc", "aws_vpc"),
        ("aws:ec2/launchTemplate:LaunchTemplate", "aws_launch_template"),
        ("aws:rds/instance:Instance", "aws_db_instance"),
        ("aws:eks/nodeGroup:NodeGroup", "aws_eks_node_group"),
        ("aws:s3/bucketPublicAccessBlock:BucketPublicAccessBlock", "aws_s3_bucket_public_access_block"),
        ("aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule", "aws_vpc_security_group_ingress_rule"),
        ("aws:iam/rolePolicyAttachment:RolePolicyAttachment", "aws_iam_role_policy_attachment"),
    ],
)
def test_types_have_the_names_that_scanners_expect(token: str, expected: str) -> None:
    assert terraform_plan.type_name(token) == expected


def test_no_two_types_share_a_name() -> None:
    names = [terraform_plan.type_name(token) for token in replacements.tokens()]
    assert len(names) == len(set(names))


def values(resource: PlannedResource) -> dict[str, Any]:
    (found,) = terraform_plan.plan([resource])["planned_values"]["root_module"]["resources"]
    return found["values"]


def test_blocks_are_lists_and_free_keys_stay_as_they_are() -> None:
    found = values(
        planned(
            "aws:eks/nodeGroup:NodeGroup",
            "gpu",
            labels={"nvidia.com/gpuPool": "a"},
            scalingConfig={"minSize": 0, "maxSize": 1, "desiredSize": 0},
            taints=[{"key": "nvidia.com/gpu", "effect": "NO_SCHEDULE"}],
            instanceTypes=["g6.xlarge"],
        )
    )
    assert found == {
        "labels": {"nvidia.com/gpuPool": "a"},
        "scaling_config": [{"min_size": 0, "max_size": 1, "desired_size": 0}],
        "taint": [{"key": "nvidia.com/gpu", "effect": "NO_SCHEDULE"}],
        "instance_types": ["g6.xlarge"],
    }


def test_unknown_values_are_left_out() -> None:
    assert values(planned("aws:s3/bucketPolicy:BucketPolicy", "p", bucket=UNKNOWN, policy="{}")) == {
        "policy": "{}"
    }


def test_references_between_resources_are_listed() -> None:
    bucket = planned("aws:s3/bucket:Bucket", "a b", bucket="a")
    token = "aws:s3/bucketPolicy:BucketPolicy"
    policy = planned(token, "p", references={"bucket": (bucket.urn, "urn:elsewhere")}, policy="{}")
    configured = terraform_plan.plan([bucket, policy])["configuration"]["root_module"]["resources"]
    assert configured[1]["expressions"] == {
        "bucket": {"references": ["aws_s3_bucket.a_b.id", "aws_s3_bucket.a_b"]}
    }


def test_a_reference_may_be_passed_on() -> None:
    bucket = planned("aws:s3/bucket:Bucket", "a", bucket="a")
    versioning = planned(
        "aws:s3/bucketVersioning:BucketVersioning", "v", references={"bucket": (bucket.urn,)}, bucket="a"
    )
    lifecycle = planned(
        "aws:s3/bucketLifecycleConfiguration:BucketLifecycleConfiguration",
        "l",
        references={"bucket": (versioning.urn,)},
        bucket="a",
    )
    plan = terraform_plan.plan([bucket, versioning, lifecycle])
    references = plan["configuration"]["root_module"]["resources"][2]["expressions"]["bucket"]["references"]
    assert "aws_s3_bucket.a" in references
