"""The storage driver gets from us what its own policy, chart and source of the add-on's version ask for.

EKS runs the driver, so only its rights, its account, the storage class and the tags of nodes are ours.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from components import manifests, versions
from tests.fixtures import platform
from tests.unit.components.aws import policies
from upstream import recipe

_PROJECT = "aws-ebs-csi-driver"
_MODULE = "github.com/kubernetes-sigs/aws-ebs-csi-driver"
_SCOPED = "AmazonEBSCSIDriverEKSClusterScopedPolicy"
_STACKS = ("dev", "staging", "prod")
# Actions of upstream's example for everybody that the policy of one cluster lacks, with the reason.
_WITHOUT: Mapping[str, str] = {"ec2:DescribeTags": "nothing in the driver calls it"}
# EKS tags instances of node groups with it itself.
_TAG_OF_EKS = "eks:cluster-name"


def _text(path: str) -> str:
    return manifests.text(_PROJECT, _MODULE, path)


def _scoped() -> list[dict[str, Any]]:
    return policies.statements(_text(f"docs/{_SCOPED}.json"))


def _instance_tags() -> set[str]:
    """Return the tags by which the policy knows the instances that it may attach volumes to."""
    return {
        key.removeprefix("ec2:ResourceTag/")
        for each in _scoped()
        if "ec2:AttachVolume" in each["Action"] and each["Resource"] == ["arn:aws:ec2:*:*:instance/*"]
        for key in each["Condition"]["StringEquals"]
    }


def test_the_source_is_that_of_the_add_on() -> None:
    newest = max(versions.EKS_ADDONS)
    add_on = versions.EKS_ADDONS[newest][_PROJECT]
    assert add_on.partition("-eksbuild")[0] == recipe.load(_PROJECT).version(_MODULE)


def test_whatever_the_policy_lets_it_change_is_of_one_cluster() -> None:
    unbound = [
        action
        for each in _scoped()
        if "Condition" not in each
        for action in each["Action"]
        if not action.startswith("ec2:Describe")
    ]
    assert unbound == []


def test_every_right_of_upstreams_example_is_there_or_has_a_reason() -> None:
    example = policies.allowed(_text("docs/example-iam-policy.json")).keys()
    granted = {action for each in _scoped() for action in each["Action"]}
    assert example - granted == _WITHOUT.keys()
    assert granted - example == set()


@pytest.mark.parametrize("stack", _STACKS)
def test_the_role_is_of_the_charts_account_and_names_its_cluster(stack: str) -> None:
    deployment = platform.stack(stack)
    chart = re.search(
        r"^controller:\n.*?^  serviceAccount:\n.*?^    name: (\S+)$",
        _text("charts/aws-ebs-csi-driver/values.yaml"),
        re.DOTALL | re.MULTILINE,
    )
    assert chart
    (given,) = deployment.one("aws:eks/addon:Addon", f"eks-{_PROJECT}").inputs["podIdentityAssociations"]
    assert given["serviceAccount"] == chart[1]
    attached = deployment.one("RolePolicyAttachment", f"eks-{_PROJECT}-{_SCOPED}").inputs
    assert attached["policyArn"].rpartition("/")[2] == _SCOPED
    # The policy compares tags with that of the session, eks-cluster-name, which Pod Identity sets.
    trust = json.loads(deployment.one("aws:iam/role:Role", f"eks-{_PROJECT}-role").inputs["assumeRolePolicy"])
    assert any("sts:TagSession" in each["Action"] for each in trust["Statement"])


@pytest.mark.parametrize("stack", _STACKS)
def test_the_class_names_the_driver_and_parameters_that_it_knows(stack: str) -> None:
    (made,) = platform.stack(stack).of_type("kubernetes:storage.k8s.io/v1:StorageClass")
    driver = re.search(
        r"^  name: (\S+)$", _text("charts/aws-ebs-csi-driver/templates/csidriver.yaml"), re.MULTILINE
    )
    assert driver
    assert made.inputs["provisioner"] == driver[1]
    constants = _text("pkg/driver/constants.go").partition("volume parameters")[2]
    known = {*re.findall(r'^\t\w+Key += "([\w./-]+)"$', constants.partition("\n)")[0], re.MULTILINE)}
    assert {"type", "encrypted", "kmskeyid"} <= known, "the source was not read"
    assert made.inputs["parameters"].keys() <= known


@pytest.mark.parametrize("stack", _STACKS)
def test_volumes_may_be_attached_to_nodes_of_every_kind(stack: str) -> None:
    deployment = platform.stack(stack)
    tags = _instance_tags()
    assert _TAG_OF_EKS in tags, "node groups have no other tag that the policy knows"
    cluster = deployment.one("aws:eks/cluster:Cluster").inputs["name"]
    for each in deployment.of_type("kubernetes:karpenter.k8s.aws/v1:EC2NodeClass"):
        known = {key: value for key, value in each.inputs["spec"]["tags"].items() if key in tags}
        assert set(known.values()) == {cluster}, each.name
