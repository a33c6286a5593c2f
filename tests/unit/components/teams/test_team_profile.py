import pytest

from components.shapes import network_policies
from components.teams.team_profile import TeamProfile, TeamProfileArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

STORE = network_policies.egress([network_policies.in_namespace("object-store")], 9000)


def deployed(*, preview: bool = False) -> Deployment[TeamProfile]:
    args = TeamProfileArgs(team="research", destinations=(STORE,), extra_labels={"cost": "42"})
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
    assert labels["cost"] == "42"
    assert {"default-deny", "team"} <= rules.policies(deployment).keys()


def test_pods_of_a_team_talk_to_each_other_and_where_they_are_let() -> None:
    policy = rules.policies(deployed())["team"]
    assert policy["ingress"] == [{"from": [{"podSelector": {}}]}]
    together, store = policy["egress"]
    assert together == {"to": [{"podSelector": {}}]}
    assert store["ports"] == [{"port": 9000, "protocol": "TCP"}]


def test_gpu_pods_queue_without_being_told_to() -> None:
    queue = deployed().one("LocalQueue").inputs
    assert queue["metadata"]["name"] == "default"
    assert queue["metadata"]["namespace"] == "research"
    assert queue["spec"] == {"clusterQueue": "research"}


def test_no_limit_range_hands_out_gpus() -> None:
    kinds = {each.type.rsplit(":", 1)[-1] for each in deployed().registrations}
    assert not kinds & {"LimitRange", "ResourceQuota"}
