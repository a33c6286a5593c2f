import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes.owner import Owner
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules


class Server(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(
            component="server", namespace="place", labels={"a": "b"}, selector={"c": "d"}, parent=self
        )
        first = kubernetes.core.v1.ConfigMap(
            "server-first", metadata=owner.metadata("first"), opts=owner.child()
        )
        kubernetes.core.v1.Namespace(
            "server-second", metadata=owner.cluster_metadata("second"), opts=owner.child([first])
        )


def deployed() -> Deployment[Server]:
    return deploy(Server)


def test_objects_carry_the_owners_labels_and_only_namespaced_ones_its_namespace() -> None:
    deployment = deployed()
    assert deployment.one("ConfigMap").inputs["metadata"] == {
        "name": "first",
        "namespace": "place",
        "labels": {"a": "b"},
    }
    assert deployment.one("Namespace").inputs["metadata"] == {"name": "second", "labels": {"a": "b"}}


def test_children_are_below_the_owner_and_after_what_they_name() -> None:
    deployment = deployed()
    first, second = deployment.one("ConfigMap"), deployment.one("Namespace")
    assert first.parent == second.parent == deployment.component().urn
    assert rules.before(deployment, first) == set()
    assert rules.before(deployment, second) == {"server-first"}
