import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import cluster_service
from components.shapes.owner import Owner
from tests.fixtures.recorder import Deployment, deploy


class Server(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(
            component="server", namespace="place", labels={"a": "b"}, selector={"c": "d"}, parent=self
        )
        pods = kubernetes.core.v1.ConfigMap("pods")
        cluster_service.deploy(owner, "web", {"http": 80, "webhook": (443, 9443)}, after=[pods])
        cluster_service.deploy(owner, "hooks", {"webhook": 443}, resource="webhook-service")


def deployed() -> Deployment[Server]:
    return deploy(Server)


def test_ports_lead_to_those_of_the_pods() -> None:
    spec = deployed().one("Service", "server-service").inputs["spec"]
    assert spec["selector"] == {"c": "d"}
    assert spec["ports"] == [
        {"name": "http", "port": 80, "targetPort": 80},
        {"name": "webhook", "port": 443, "targetPort": 9443},
    ]
    assert "type" not in spec, "only within the cluster"


def test_nobody_waits_for_endpoints_beyond_the_pods_themselves() -> None:
    deployment = deployed()
    service = deployment.one("Service", "server-service")
    assert service.inputs["metadata"] == {
        "name": "web",
        "namespace": "place",
        "labels": {"a": "b"},
        "annotations": {"pulumi.com/skipAwait": "true"},
    }
    assert deployment.one("ConfigMap").urn in service.dependencies
    assert service.parent == deployment.component().urn


def test_a_second_service_of_a_component_has_a_name_of_its_own() -> None:
    service = deployed().one("Service", "server-webhook-service")
    assert service.inputs["metadata"]["name"] == "hooks"
