import dataclasses

import pytest
import yaml

from components.aws.karpenter import Karpenter, KarpenterArgs, cluster_rules, release
from components.aws.pod_identity import IdentityScope
from components.versions import upstream_version
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
ARGS = KarpenterArgs(
    namespace="node-scaling",
    identities=IdentityScope(cluster_name="here", namespace="node-scaling"),
    image="public.ecr.aws/karpenter/controller:1",
    cluster_name="here",
    account="123456789012",
    region="eu-central-1",
    node_role_arn="arn:aws:iam::123456789012:role/nodes",
    node_role_name="nodes",
    tags=TAGS,
)


def deployed(*, preview: bool = False) -> Deployment[Karpenter]:
    return deploy(lambda: Karpenter("karpenter", ARGS), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_tagged_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "Karpenter")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["karpenter-server"])
    policies.assert_tagged(deployment, TAGS)


def test_definitions_are_upstreams_own() -> None:
    text = deployed().one("ConfigGroup", "karpenter-definitions").inputs["yaml"]
    kinds = {each["spec"]["names"]["kind"] for each in yaml.safe_load_all(text) if each}
    assert {"EC2NodeClass", "NodeClaim", "NodePool"} <= kinds


def test_the_controller_starts_after_its_definitions_rights_and_identity() -> None:
    deployment = deployed()
    server = deployment.one("Deployment")
    assert {
        "karpenter-definitions",
        "karpenter-cluster-binding",
        "karpenter-policy",
        "karpenter-identity-association",
    } <= rules.before(deployment, server)


def test_the_release_is_that_of_the_definitions() -> None:
    version = upstream_version("karpenter-provider-aws", "github.com/aws/karpenter-provider-aws")
    assert release() == version.removeprefix("v")
    labels = deployed().one("Deployment").inputs["metadata"]["labels"]
    assert labels["app.kubernetes.io/version"] == release()


def test_the_controller_knows_its_cluster_and_its_queue() -> None:
    ((container),) = deployed().pods()["karpenter-server"]["containers"]
    assert container["image"] == "public.ecr.aws/karpenter/controller:1"
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["CLUSTER_NAME"] == "here"
    assert environment["INTERRUPTION_QUEUE"].startswith("karpenter-interruptions-queue")
    assert "ReservedCapacity=true" in environment["FEATURE_GATES"]


def test_nodes_start_with_a_profile_that_the_controller_need_not_make() -> None:
    deployment = deployed()
    assert deployment.one("InstanceProfile").inputs["role"] == "nodes"
    assert deployment.output("karpenter")["instance_profile"] == "karpenter-nodes-1a2b3c4"
    granted = policies.allowed(deployment.one("RolePolicy").inputs["policy"])
    assert "iam:CreateInstanceProfile" not in granted
    assert granted["iam:PassRole"] == ["arn:aws:iam::123456789012:role/nodes"]


def test_it_writes_to_its_own_kinds_nodes_and_nothing_that_people_make() -> None:
    written = {
        resource
        for rule in cluster_rules()
        if {"create", "delete", "patch", "update"} & set(rule["verbs"])  # pyright: ignore[reportArgumentType]
        for resource in rule["resources"]  # pyright: ignore[reportGeneralTypeIssues, reportTypedDictNotRequiredAccess, reportOptionalIterable]
    }
    assert not written & {"deployments", "secrets", "persistentvolumes", "namespaces"}
    assert {"nodeclaims", "nodes", "pods/eviction"} <= written


def test_another_pod_takes_over_where_there_are_several() -> None:
    several = deploy(lambda: Karpenter("karpenter", dataclasses.replace(ARGS, replicas=2)))
    assert several.one("Deployment").inputs["spec"]["replicas"] == 2
    assert several.one("PodDisruptionBudget").name == "karpenter-disruption-budget"
    with pytest.raises(ValueError, match="replicas: 0"):
        dataclasses.replace(ARGS, replicas=0)
