"""Each rule reports what breaks it, and nothing else."""

import functools
import json
from typing import Any

import pytest

from infra.settings import stack_file
from simulation.aws import rules
from simulation.aws.planned import PlannedResource
from simulation.aws.rules import (
    BUCKET,
    CLUSTER,
    INSTANCE,
    KEY,
    LAUNCH_TEMPLATE,
    LOG_GROUP,
    NODE_GROUP,
    REPOSITORY,
)
from tests.fixtures import planned as fixtures

TAGS = {"plinth:stack": "plinth-prod"}
ARN = "arn:aws:kms:us-east-1:123456789012:key/k"
RIGHT: dict[str, dict[str, Any]] = {
    INSTANCE: {
        "storageEncrypted": True,
        "kmsKeyId": ARN,
        "multiAz": True,
        "backupRetentionPeriod": 14,
        "deletionProtection": True,
        "tags": TAGS,
    },
    CLUSTER: {
        "encryptionConfig": {"provider": {"keyArn": ARN}},
        "vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": False},
        "deletionProtection": True,
        "tags": TAGS,
    },
    KEY: {"enableKeyRotation": True, "tags": TAGS},
    LOG_GROUP: {"kmsKeyId": ARN, "retentionInDays": 30, "tags": TAGS},
    LAUNCH_TEMPLATE: {
        "blockDeviceMappings": [{"ebs": {"encrypted": "true"}}],
        "metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 1},
        "tags": TAGS,
    },
    REPOSITORY: {"encryptionConfigurations": [{"encryptionType": "KMS"}], "tags": TAGS},
    NODE_GROUP: {
        "amiType": "AL2023_x86_64_NVIDIA",
        "labels": {"k8s.amazonaws.com/accelerator": "nvidia-l4"},
        "taints": [{"key": "nvidia.com/gpu", "effect": "NO_SCHEDULE"}],
        "tags": TAGS,
    },
    "aws:rds/parameterGroup:ParameterGroup": {
        "family": "postgres17",
        "parameters": [{"name": "rds.force_ssl", "value": "1"}],
        "tags": TAGS,
    },
    "aws:iam/rolePolicy:RolePolicy": {},
    "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule": {"cidrIpv4": "10.0.0.0/8", "tags": TAGS},
}


planned = functools.partial(fixtures.planned, protect=True)


def broken(*resources: PlannedResource) -> list[str]:
    plan = rules.Plan(resources=resources, settings=stack_file.settings("prod"))
    return [each.rule for each in rules.breaches(plan)]


def policy(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})


@pytest.mark.parametrize("token", RIGHT)
def test_a_valid_resource_breaks_no_rule(token: str) -> None:
    assert broken(planned(token, **RIGHT[token])) == []


WRONG: list[tuple[str, dict[str, Any], str]] = [
    (
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": policy(Action=["ec2:Describe*"], Resource="*")},
        "least privilege",
    ),
    (INSTANCE, {"storageEncrypted": False}, "encrypted at rest with the stack's own key"),
    (INSTANCE, {"kmsKeyId": None}, "encrypted at rest with the stack's own key"),
    (CLUSTER, {"encryptionConfig": None}, "encrypted at rest with the stack's own key"),
    (KEY, {"enableKeyRotation": False}, "encrypted at rest with the stack's own key"),
    (LOG_GROUP, {"kmsKeyId": None}, "encrypted at rest with the stack's own key"),
    (LAUNCH_TEMPLATE, {"blockDeviceMappings": [{"ebs": {}}]}, "encrypted at rest with the stack's own key"),
    (REPOSITORY, {"encryptionConfigurations": []}, "encrypted at rest with the stack's own key"),
    (INSTANCE, {"publiclyAccessible": True}, "closed to the internet"),
    (
        CLUSTER,
        {"vpcConfig": {"endpointPrivateAccess": True, "endpointPublicAccess": True}},
        "closed to the internet",
    ),
    (CLUSTER, {"vpcConfig": {"endpointPublicAccess": False}}, "closed to the internet"),
    (
        "aws:vpc/securityGroupIngressRule:SecurityGroupIngressRule",
        {"cidrIpv4": "0.0.0.0/0"},
        "closed to the internet",
    ),
    ("aws:rds/parameterGroup:ParameterGroup", {"parameters": []}, "TLS only"),
    (
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": policy(Action="s3:*", Resource="arn:aws:s3:::b")},
        "least privilege",
    ),
    (
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": policy(Action="s3:GetObject", Resource="*")},
        "least privilege",
    ),
    (
        "aws:iam/rolePolicy:RolePolicy",
        {"policy": policy(NotAction="iam:PassRole", Resource="arn:aws:s3:::b")},
        "least privilege",
    ),
    (
        LAUNCH_TEMPLATE,
        {"metadataOptions": {"httpTokens": "optional", "httpPutResponseHopLimit": 1}},
        "metadata service by token, one hop",
    ),
    (
        LAUNCH_TEMPLATE,
        {"metadataOptions": {"httpTokens": "required", "httpPutResponseHopLimit": 2}},
        "metadata service by token, one hop",
    ),
    (KEY, {"tags": {"Name": "k"}}, "tagged"),
    (NODE_GROUP, {"taints": []}, "GPU nodes keep other pods away"),
    (NODE_GROUP, {"labels": {}}, "GPU nodes are known while they start"),
    (INSTANCE, {"deletionProtection": False}, "data outlives the stack where it is protected"),
    (REPOSITORY, {"forceDelete": True}, "data outlives the stack where it is protected"),
    (INSTANCE, {"multiAz": False}, "databases as available as the stack requires"),
    (INSTANCE, {"backupRetentionPeriod": 1}, "databases as available as the stack requires"),
]


@pytest.mark.parametrize(("token", "changes", "rule"), WRONG)
def test_a_wrong_input_breaks_one_rule_and_no_other(token: str, changes: dict[str, Any], rule: str) -> None:
    assert set(broken(planned(token, **{**RIGHT[token], **changes}))) == {rule}


def test_an_unprotected_store_of_a_protected_stack_is_reported() -> None:
    assert broken(planned(KEY, protect=False, **RIGHT[KEY])) == [
        "data outlives the stack where it is protected"
    ]


def test_a_bucket_alone_lacks_everything_that_protects_it() -> None:
    assert set(broken(planned(BUCKET, bucket="b", tags=TAGS))) == {
        "encrypted at rest with the stack's own key",
        "closed to the internet",
        "TLS only",
    }


def test_a_user_is_a_static_key() -> None:
    assert "no static keys" in broken(planned("aws:iam/user:User", tags=TAGS))


def test_actions_without_resource_types_may_name_all_resources() -> None:
    right = policy(Action=["ec2:DescribeImages", "autoscaling:DescribeTags"], Resource="*")
    assert broken(planned("aws:iam/rolePolicy:RolePolicy", policy=right)) == []


def test_every_rule_has_been_seen_to_fail() -> None:
    # Below, or in tests of their modules, as they need more than one resource.
    of_order = {
        "NAT after the way out",
        "logs expire",
        "no clear text at the edge",
        "no pod without a controller",
        "stores over verified TLS",
        "identities long before pods",
        "nothing that is needed all the time is alone",
        "nothing twice that AWS makes",
        "rights before whoever acts by them",
        "what autoscalers expect of a node is registered there",
    }
    assert {rule for _, _, rule in WRONG} | {"no static keys"} | of_order == set(rules.RULES)


def test_a_server_that_a_service_selects_is_not_alone_in_production() -> None:
    labels = {"app": "server"}
    service = planned("kubernetes:core/v1:Service", spec={"selector": labels})
    pod = {"metadata": {"labels": labels}, "spec": {}}
    server = planned(
        "kubernetes:apps/v1:Deployment",
        metadata={"name": "server"},
        spec={"replicas": 1, "strategy": {"type": "Recreate"}, "template": pod},
    )
    for stack, count in (("prod", 4), ("dev", 0)):
        plan = rules.Plan(resources=[], elsewhere=[service, server], settings=stack_file.settings(stack))
        assert len(rules.breaches(plan)) == count


ROLE = planned("aws:iam/role:Role", name="role", tags=TAGS)
RIGHT_OF_ROLE = planned(
    "aws:iam/rolePolicyAttachment:RolePolicyAttachment", name="right", references={"role": (ROLE.urn,)}
)


@pytest.mark.parametrize(
    ("after", "expected"), [((), ["rights before whoever acts by them"]), ((RIGHT_OF_ROLE.urn,), [])]
)
def test_who_acts_as_a_role_waits_for_its_rights(after: tuple[str, ...], expected: list[str]) -> None:
    nodes = planned(NODE_GROUP, references={"nodeRoleArn": (ROLE.urn,)}, after=after, **RIGHT[NODE_GROUP])
    assert broken(ROLE, RIGHT_OF_ROLE, nodes) == expected


def association(*before: PlannedResource) -> PlannedResource:
    return planned(
        "aws:eks/podIdentityAssociation:PodIdentityAssociation",
        after=tuple(each.urn for each in before),
        tags=TAGS,
    )


def test_an_identity_waits_for_the_cluster_and_not_for_what_is_in_it() -> None:
    cluster = planned(CLUSTER, name="cluster", **RIGHT[CLUSTER])
    space = planned("kubernetes:core/v1:Namespace", name="space", after=(cluster.urn,))
    assert broken(cluster, association(cluster)) == []
    assert broken(cluster, association()) == ["identities long before pods"]
    plan = rules.Plan(
        resources=[cluster, association(cluster, space)],
        elsewhere=[space],
        settings=stack_file.settings("prod"),
    )
    (breach,) = rules.breaches(plan)
    assert "waits for space" in breach.reason


def test_a_nat_gateway_waits_for_the_way_out() -> None:
    route = planned("aws:ec2/route:Route", name="out", references={"gatewayId": ("urn:igw",)})
    nat = "aws:ec2/natGateway:NatGateway"
    assert broken(route, planned(nat, after=(route.urn,), tags=TAGS)) == []
    assert broken(route, planned(nat, tags=TAGS)) == ["NAT after the way out"]


def test_a_rule_that_eks_makes_is_not_made_twice() -> None:
    cluster = planned(CLUSTER, name="cluster", **RIGHT[CLUSTER])
    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    ends = {"securityGroupId": (cluster.urn,), "referencedSecurityGroupId": (cluster.urn,)}
    assert broken(cluster, planned(token, references=ends, tags=TAGS)) == ["nothing twice that AWS makes"]
    other = {**ends, "referencedSecurityGroupId": ("urn:other",)}
    assert broken(cluster, planned(token, references=other, tags=TAGS)) == []


def test_a_pod_has_a_controller() -> None:
    pod = planned("kubernetes:core/v1:Pod", name="alone")
    plan = rules.Plan(resources=[], elsewhere=[pod], settings=stack_file.settings("dev"))
    assert [each.text() for each in rules.breaches(plan)] == [
        "no pod without a controller: Pod alone: has no controller: on EKS no network policy would bind it"
    ]


def test_what_an_autoscaler_expects_of_a_node_is_registered_there() -> None:
    """Which plugins keep a promise is tested with the module that decides it."""
    tag = planned(
        "aws:autoscaling/tag:Tag",
        references={"autoscalingGroupName": ("urn:group",)},
        tag={"key": "k8s.io/cluster-autoscaler/node-template/resources/example.com/device", "value": "1"},
    )
    plugin = planned(
        "kubernetes:apps/v1:DaemonSet",
        metadata={"annotations": {"plinth.dev/registers": "example.com/device"}},
        spec={"template": {"spec": {}}},
    )
    assert broken(tag) == ["what autoscalers expect of a node is registered there"]
    plan = rules.Plan(resources=[tag], elsewhere=[plugin], settings=stack_file.settings("prod"))
    assert rules.breaches(plan) == []
