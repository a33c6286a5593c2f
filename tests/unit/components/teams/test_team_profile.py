import pulumi
import pulumi_kubernetes as kubernetes
import pytest

from components.shapes import network_policies
from components.teams.team_profile import TeamProfile, TeamProfileArgs, alias_below
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

STORE = network_policies.egress([network_policies.in_namespace("object-store")], 9000)


def deployed(*, preview: bool = False) -> Deployment[TeamProfile]:
    args = TeamProfileArgs(team="research", destinations=(STORE,))
    return deploy(lambda: TeamProfile("research", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "TeamProfile")
    rules.assert_labelled(deployment)


def test_the_namespace_is_restricted_closed_and_the_teams() -> None:
    deployment = deployed()
    labels = deployment.one("Namespace").inputs["metadata"]["labels"]
    assert labels["plinth.dev/team"] == "research"
    assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
    assert {"default-deny", "team"} <= rules.policies(deployment).keys()


def test_pods_of_a_team_talk_to_each_other_and_where_they_are_let() -> None:
    policy = rules.policies(deployed())["team"]
    assert policy["ingress"] == [{"from": [{"podSelector": {}}]}]
    together, store = policy["egress"]
    assert together == {"to": [{"podSelector": {}}]}
    assert store["ports"] == [{"port": 9000, "protocol": "TCP"}]


def test_a_team_without_gpus_has_no_queue() -> None:
    assert not deployed().of_type("LocalQueue")


def test_the_namespace_comes_after_what_must_outlive_it() -> None:
    def program() -> None:
        queue = kubernetes.core.v1.ConfigMap("cluster-queue")
        TeamProfile("research", TeamProfileArgs(team="research", after=(queue,)))

    deployment = deploy(program)
    assert "cluster-queue" in rules.before(deployment, deployment.one("Namespace"))


def test_a_profile_that_another_component_once_created_is_found_under_its_old_urn() -> None:
    def program() -> None:
        alias = alias_below("gpu-scheduling", "plinth:index:GpuScheduling", "research")
        opts = pulumi.ResourceOptions(aliases=[alias])
        TeamProfile("team-research", TeamProfileArgs(team="research"), opts)

    profile = deploy(program, stack_name="prod").one("plinth:index:TeamProfile")
    (alias,) = profile.aliases
    # The engine joins the type of the parent in its URN with that of the profile, and ends with the old name.
    assert 'name: "gpu-scheduling-research"' in alias
    assert 'parentUrn: "urn:pulumi:prod::plinth::plinth:index:GpuScheduling::gpu-scheduling"' in alias


def test_no_limit_range_hands_out_gpus() -> None:
    kinds = {each.type.rsplit(":", 1)[-1] for each in deployed().registrations}
    assert not kinds & {"LimitRange", "ResourceQuota"}


def test_a_quota_bounds_the_namespace() -> None:
    args = TeamProfileArgs(team="research", quota={"requests.cpu": "4", "pods": "30"})
    quota = deploy(lambda: TeamProfile("research", args)).one("ResourceQuota").inputs
    assert quota["metadata"]["namespace"] == "research"
    assert quota["spec"] == {"hard": {"requests.cpu": "4", "pods": "30"}}
