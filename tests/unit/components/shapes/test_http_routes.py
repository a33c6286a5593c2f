from collections.abc import Mapping

import pulumi

from components.shapes import http_routes
from components.shapes.http_routes import Paths
from components.shapes.owner import Owner
from tests.fixtures.recorder import deploy
from tests.unit.components.sample import GATEWAY
from workloads.contract import Host


def test_a_route_takes_every_path_of_its_host() -> None:
    spec = http_routes.spec(GATEWAY, "mlflow.plinth.localhost", "tracking", 5000)
    assert spec["parentRefs"] == [{"name": "traefik", "namespace": "gateway"}]
    assert spec["hostnames"] == ["mlflow.plinth.localhost"]
    assert spec["rules"] == [{"backendRefs": [{"name": "tracking", "port": 5000}]}]


def test_a_route_may_take_some_paths_alone() -> None:
    spec = http_routes.spec(GATEWAY, "localhost", "api", 8888, Paths(below=("/apis",), exact=("/",)))
    (rule,) = spec["rules"]
    assert rule["matches"] == [
        {"path": {"type": "PathPrefix", "value": "/apis"}},
        {"path": {"type": "Exact", "value": "/"}},
    ]
    assert rule["backendRefs"] == [{"name": "api", "port": 8888}]


class Server(pulumi.ComponentResource):
    def __init__(
        self,
        paths: Paths | None = None,
        localhost: str = "",
        set_headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__("plinth:index:Server", "server")
        owner = Owner(component="server", namespace="place", labels={"a": "b"}, selector={}, parent=self)
        http_routes.deploy(
            owner,
            GATEWAY,
            Host.GRAFANA,
            name="pages",
            service="web",
            port=80,
            paths=paths,
            localhost=localhost,
            set_headers=set_headers,
        )


def test_a_route_is_in_the_namespace_of_its_service() -> None:
    deployment = deploy(Server)
    route = deployment.one("HTTPRoute", "server-route")
    assert route.inputs["metadata"] == {"name": "pages", "namespace": "place", "labels": {"a": "b"}}
    assert route.inputs["spec"] == http_routes.spec(GATEWAY, "grafana.plinth.localhost", "web", 80)
    assert route.parent == deployment.component().urn


def test_localhost_leads_to_the_same_paths_where_a_component_wants_it() -> None:
    paths = Paths(below=("/apis",))
    routes = deploy(lambda: Server(paths, localhost="/")).of_type("HTTPRoute")
    # Registered at once, in any order.
    assert {route.name: route.inputs["spec"] for route in routes} == {
        name: http_routes.spec(GATEWAY, host, "web", 80, paths)
        for name, host in (
            ("server-route", "grafana.plinth.localhost"),
            ("server-route-localhost", "localhost"),
        )
    }
    (only,) = deploy(lambda: Server(paths)).of_type("HTTPRoute")
    assert only.inputs["spec"]["hostnames"] == ["grafana.plinth.localhost"]


def test_below_a_path_of_localhost_each_path_is_a_rule_that_the_server_does_not_see() -> None:
    paths = Paths(below=("/apis/v1", "/apis/v2"))
    deployment = deploy(lambda: Server(paths, localhost="/teams/a"))
    local = deployment.one("HTTPRoute", "server-route-localhost")
    rules = local.inputs["spec"]["rules"]
    seen = {
        rule["matches"][0]["path"]["value"]: rule["filters"][0]["urlRewrite"]["path"]["replacePrefixMatch"]
        for rule in rules
    }
    assert seen == {"/teams/a/apis/v1": "/apis/v1", "/teams/a/apis/v2": "/apis/v2"}
    assert all(rule["backendRefs"] == [{"name": "web", "port": 80}] for rule in rules)


def test_every_rule_of_a_route_sets_its_headers_whatever_the_client_sent() -> None:
    paths = Paths(below=("/apis/v1", "/apis/v2"))
    routes = deploy(lambda: Server(paths, localhost="/teams/a", set_headers={"X-Team": "a"})).of_type(
        "HTTPRoute"
    )
    assert len(routes) == 2
    expected = {
        "type": "RequestHeaderModifier",
        "requestHeaderModifier": {"set": [{"name": "X-Team", "value": "a"}]},
    }
    for route in routes:
        for rule in route.inputs["spec"]["rules"]:
            assert [each for each in rule["filters"] if each["type"] != "URLRewrite"] == [expected]


def test_a_route_of_every_path_sets_headers_too() -> None:
    spec = http_routes.spec(GATEWAY, "a.plinth.localhost", "web", 80, set_headers={"X-Team": "a"})
    (rule,) = spec["rules"]
    assert rule["filters"][0]["requestHeaderModifier"]["set"] == [{"name": "X-Team", "value": "a"}]


def test_an_exact_path_below_another_is_replaced_as_a_whole() -> None:
    (rule,) = Paths(below=(), exact=("/",)).rules("/teams/a")
    assert rule["matches"] == [{"path": {"type": "Exact", "value": "/teams/a/"}}]
    (rewrite,) = rule["filters"]
    assert rewrite["urlRewrite"]["path"] == {"type": "ReplaceFullPath", "replaceFullPath": "/"}
