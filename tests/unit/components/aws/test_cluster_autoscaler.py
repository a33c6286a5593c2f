import dataclasses

import pytest

from components.aws.cluster_autoscaler import (
    METRICS_PORT,
    POD_LABELS,
    ClusterAutoscaler,
    ClusterAutoscalerArgs,
    command,
    rights,
)
from components.aws.pod_identity import IdentityScope
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies

TAGS = {"plinth:stack": "here"}
ARGS = ClusterAutoscalerArgs(
    namespace="node-scaling",
    identities=IdentityScope(cluster_name="here", namespace="node-scaling"),
    image="registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0",
    version="v1.36.0",
    cluster_name="here",
    account="123456789012",
    region="eu-central-1",
    tags=TAGS,
)


def deployed(*, preview: bool = False) -> Deployment[ClusterAutoscaler]:
    return deploy(lambda: ClusterAutoscaler("autoscaler", ARGS), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_tagged_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "ClusterAutoscaler")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["autoscaler-server"])
    policies.assert_tagged(deployment, TAGS)


def test_its_lease_is_where_it_may_take_it() -> None:
    deployment = deployed()
    assert "--namespace=node-scaling" in command(ARGS)
    (role,) = deployment.of_type("kubernetes:rbac.authorization.k8s.io/v1:Role")
    assert role.inputs["metadata"]["namespace"] == "node-scaling"
    leases = [rule for rule in role.inputs["rules"] if rule["resources"] == ["leases"]]
    assert {verb for rule in leases for verb in rule["verbs"]} == {"create", "get", "update"}


def test_it_resizes_groups_of_its_own_cluster_alone() -> None:
    role = deployed().one("RolePolicy")
    resizing = [
        each
        for each in policies.statements(role.inputs["policy"])
        if "autoscaling:SetDesiredCapacity" in each["Action"]
    ]
    ((statement),) = resizing
    assert statement["Resource"] == ["arn:aws:autoscaling:eu-central-1:123456789012:autoScalingGroup:*"]
    assert statement["Condition"] == {
        "StringEquals": {"aws:ResourceTag/k8s.io/cluster-autoscaler/here": "owned"}
    }


def test_what_it_may_do_to_everything_is_to_look() -> None:
    for each in rights("here", "123456789012", "eu-central-1"):
        if "*" in each.resources:
            assert all(action.partition(":")[2].startswith(("Describe", "Get")) for action in each.actions)


def test_it_finds_groups_by_the_tags_that_eks_gives_them() -> None:
    discovery = next(each for each in command(ARGS) if each.startswith("--node-group-auto-discovery"))
    assert discovery.endswith("asg:tag=k8s.io/cluster-autoscaler/enabled,k8s.io/cluster-autoscaler/here")
    assert "--scale-down-unneeded-time=10m" in command(ARGS)


def test_the_server_starts_with_its_identity_and_its_rights() -> None:
    deployment = deployed()
    server = deployment.one("Deployment")
    assert {
        "autoscaler-account",
        "autoscaler-cluster-binding",
        "autoscaler-policy",
        "autoscaler-identity-association",
    } <= rules.before(deployment, server)
    pod = deployment.pods()["autoscaler-server"]
    assert pod["serviceAccountName"] == "cluster-autoscaler"
    assert pod["priorityClassName"] == "system-cluster-critical"
    ((container),) = pod["containers"]
    assert container["image"] == "registry.k8s.io/autoscaling/cluster-autoscaler:v1.36.0"


def test_it_reaches_the_apis_and_its_credentials() -> None:
    ((policy),) = rules.policies(deployed()).values()
    ports = {rule["ports"][0]["port"] for rule in policy["egress"]}
    assert ports == {443, 80}
    assert policy["policyTypes"] == ["Egress"]


def test_it_elects_its_leader_by_a_lease_of_its_name() -> None:
    roles = deployed().one("kubernetes:rbac.authorization.k8s.io/v1:Role").inputs["rules"]
    named = {name for rule in roles for name in rule.get("resourceNames", [])}
    assert named == {"cluster-autoscaler", "cluster-autoscaler-status"}


def test_metrics_are_scraped_by_scrapers_alone() -> None:
    scraper = network_policies.pods({"app": "prometheus"}, "monitoring")
    scraped = dataclasses.replace(ARGS, scrapers=(scraper,))
    deployment = deploy(lambda: ClusterAutoscaler("autoscaler", scraped))
    ((policy),) = rules.policies(deployment).values()
    ((rule),) = policy["ingress"]
    assert rule["ports"] == [{"port": METRICS_PORT, "protocol": "TCP"}]
    assert "prometheus" in str(rule["from"])
    labels = deployment.one("Deployment").inputs["spec"]["template"]["metadata"]["labels"]
    assert POD_LABELS.items() <= labels.items()


def test_another_pod_takes_over_where_there_are_several() -> None:
    several = deploy(lambda: ClusterAutoscaler("autoscaler", dataclasses.replace(ARGS, replicas=2)))
    assert several.one("Deployment").inputs["spec"]["replicas"] == 2
    assert several.one("PodDisruptionBudget").name == "autoscaler-disruption-budget"
    with pytest.raises(ValueError, match="replicas: 0"):
        dataclasses.replace(ARGS, replicas=0)
