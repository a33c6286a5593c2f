import pulumi
import pytest

from components.shapes import http_routes
from components.shapes.owner import Owner
from tests.fixtures.recorder import deploy
from tests.unit.components.sample import GATEWAY
from workloads.contract import Host


def test_a_route_takes_every_path_of_its_host() -> None:
    spec = http_routes.spec(GATEWAY, "mlflow.plinth.local", "tracking", 5000)
    assert spec["parentRefs"] == [{"name": "traefik", "namespace": "gateway"}]
    assert spec["hostnames"] == ["mlflow.plinth.local"]
    assert spec["rules"] == [{"backendRefs": [{"name": "tracking", "port": 5000}]}]


def test_localhost_is_routed_by_path() -> None:
    spec = http_routes.spec(GATEWAY, "localhost", "api", 8888, prefix="/apis")
    assert spec["parentRefs"] == [{"name": "traefik", "namespace": "gateway"}]
    assert spec["hostnames"] == ["localhost"]
    (rule,) = spec["rules"]
    assert rule["matches"] == [{"path": {"type": "PathPrefix", "value": "/apis"}}]
    assert rule["backendRefs"] == [{"name": "api", "port": 8888}]


class Server(pulumi.ComponentResource):
    def __init__(self, localhost_prefix: str = "") -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(component="server", namespace="place", labels={"a": "b"}, selector={}, parent=self)
        http_routes.deploy(
            owner,
            GATEWAY,
            Host.GRAFANA,
            name="pages",
            service="web",
            port=80,
            localhost_prefix=localhost_prefix,
        )


def test_a_route_is_in_the_namespace_of_its_service() -> None:
    deployment = deploy(Server)
    route = deployment.one("HTTPRoute", "server-route")
    assert route.inputs["metadata"] == {"name": "pages", "namespace": "place", "labels": {"a": "b"}}
    assert route.inputs["spec"] == http_routes.spec(GATEWAY, "grafana.plinth.local", "web", 80)
    assert route.parent == deployment.component().urn


@pytest.mark.parametrize(
    ("prefix", "hosts"),
    [("", [["grafana.plinth.local"]]), ("/apis", [["grafana.plinth.local"], ["localhost"]])],
)
def test_only_a_component_with_a_prefix_answers_at_localhost(prefix: str, hosts: list[list[str]]) -> None:
    routes = deploy(lambda: Server(prefix)).of_type("HTTPRoute")
    assert [route.inputs["spec"]["hostnames"] for route in routes] == hosts
