import pulumi
import pulumi_kubernetes as kubernetes

from components.queues import local_queue
from components.shapes.owner import Owner
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules


class Team(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Team", "team-research")
        owner = Owner(
            component="team-research", namespace="research", labels={"a": "b"}, selector={}, parent=self
        )
        cluster_queue = kubernetes.core.v1.ConfigMap("cluster-queue")
        local_queue.deploy(owner, "research", after=[cluster_queue])


def deployed() -> Deployment[Team]:
    return deploy(Team)


def test_pods_and_jobs_queue_without_naming_a_queue() -> None:
    queue = deployed().one("LocalQueue", "team-research-queue").inputs
    assert queue["metadata"] == {"name": "default", "namespace": "research", "labels": {"a": "b"}}
    assert queue["spec"] == {"clusterQueue": "research"}


def test_it_is_the_teams_own_and_comes_after_the_queue_of_its_quota() -> None:
    deployment = deployed()
    queue = deployment.one("LocalQueue")
    assert queue.parent == deployment.component().urn
    assert "cluster-queue" in rules.before(deployment, queue)
