import dataclasses

import pulumi_kubernetes as kubernetes
import pytest

from components.access import middlewares
from components.access.gateway import Gateway, GatewayArgs, LoadBalancer, address, arguments
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

BACKENDS = (network_policies.in_namespace("models"), network_policies.in_namespace("mlflow"))


def args(**changes: object) -> GatewayArgs:
    plain = GatewayArgs(
        namespace="gateway",
        image="docker.io/library/traefik:v3",
        domain="plinth.local",
        backends=BACKENDS,
        in_flight=32,
        node_port=30080,
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[Gateway]:
    return deploy(lambda: Gateway("traefik", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "Gateway")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["traefik-server"])


def test_the_gateway_is_made_after_definitions_class_and_server_and_waits_until_it_is_programmed() -> None:
    deployment = deployed()
    gateway = deployment.one("kubernetes:gateway.networking.k8s.io/v1:Gateway")
    assert gateway.inputs["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Programmed"
    assert {"traefik-definitions", "traefik-class", "traefik-server"} <= rules.before(deployment, gateway)


def test_the_listener_is_on_the_port_of_traefiks_own_entry() -> None:
    deployment = deployed()
    gateway = deployment.one("kubernetes:gateway.networking.k8s.io/v1:Gateway")
    (listener,) = gateway.inputs["spec"]["listeners"]
    assert f"--entrypoints.web.address=:{listener['port']}" in arguments()
    assert listener["allowedRoutes"] == {"namespaces": {"from": "All"}}
    service = deployment.one("Service").inputs["spec"]
    assert service["ports"] == [
        {"name": "web", "port": 80, "targetPort": listener["port"], "nodePort": 30080}
    ]
    assert service["type"] == "NodePort"


def test_every_request_is_logged_without_its_headers() -> None:
    given = arguments()
    assert {"--accesslog=true", "--accesslog.format=json"} <= {*given}
    assert {"--accesslog.fields.defaultmode=drop", "--accesslog.fields.headers.defaultmode=drop"} <= {*given}
    kept = {
        each.split(".")[3].partition("=")[0] for each in given if each.startswith("--accesslog.fields.names")
    }
    assert {"ClientHost", "RequestHost", "RequestMethod", "RequestPath", "DownstreamStatus"} <= kept


def test_without_a_node_port_there_is_a_load_balancer_beside_the_service_of_the_cluster() -> None:
    deployment = deployed(node_port=None)
    services = {
        each.inputs["metadata"]["name"]: each.inputs["spec"] for each in deployment.of_type("Service")
    }
    ports = {
        name: (spec["type"], [each["port"] for each in spec["ports"]]) for name, spec in services.items()
    }
    # Pods call the first one, at http://traefik.gateway, whatever the other one offers.
    assert ports == {"traefik": ("ClusterIP", [80]), "traefik-load-balancer": ("LoadBalancer", [80])}
    assert len({str(spec["selector"]) for spec in services.values()}) == 1


def test_a_load_balancer_knows_who_may_connect_and_with_tls_offers_nothing_else() -> None:
    balancer = LoadBalancer(
        annotations={"cloud.example/internal": "true"}, source_cidrs=("203.0.113.0/24",), tls=True
    )
    deployment = deployed(node_port=None, load_balancer=balancer)
    service = deployment.one("Service", "traefik-load-balancer").inputs
    assert service["metadata"]["annotations"] == {"cloud.example/internal": "true"}
    assert service["spec"]["loadBalancerSourceRanges"] == ["203.0.113.0/24"]
    ports = {each["port"]: each["targetPort"] for each in service["spec"]["ports"]}
    assert ports == {443: 8000}


def test_an_address_is_a_name_or_a_number_or_not_there_yet() -> None:
    entry = kubernetes.core.v1.outputs.LoadBalancerIngress
    for entries, expected in (
        ([entry(hostname="here.example", ip=None)], "here.example"),
        ([entry(ip="192.0.2.1")], "192.0.2.1"),
        ([], ""),
    ):
        balancer = kubernetes.core.v1.outputs.LoadBalancerStatus(ingress=entries)
        assert address(kubernetes.core.v1.outputs.ServiceStatus(load_balancer=balancer)) == expected
    assert address(None) == ""


def test_it_is_reached_from_anywhere_and_reaches_its_backends_and_the_api_alone() -> None:
    policy = rules.policies(deployed())["traefik"]
    (incoming,) = policy["ingress"]
    assert incoming["ports"] == [{"port": 8000, "protocol": "TCP"}]
    namespaces = [
        peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]
        for rule in policy["egress"]
        for peer in rule["to"]
        if "namespaceSelector" in peer
    ]
    assert namespaces == ["models", "mlflow"]


def test_a_load_balancer_that_cannot_change_is_made_anew() -> None:
    balancer = LoadBalancer(annotations={"a.b/scheme": "inside", "a.b/rest": "x"}, lasting=("a.b/scheme",))
    deployment = deployed(node_port=None, load_balancer=balancer)
    service = deployment.one("Service", "traefik-load-balancer")
    assert service.replace_on_changes == ('metadata.annotations["a.b/scheme"]',)
    assert service.delete_before_replace, "two Services cannot have one name"


def test_two_replicas_have_a_disruption_budget_and_roll_without_a_gap() -> None:
    deployment = deployed(replicas=2)
    assert deployment.one("PodDisruptionBudget").inputs["spec"]["maxUnavailable"] == 1
    spec = deployment.one("Deployment").inputs["spec"]
    assert spec["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
    assert not deployed().of_type("PodDisruptionBudget")


def test_it_may_write_nothing_but_statuses() -> None:
    for rule in deployed().one("ClusterRole").inputs["rules"]:
        writes = set(rule["verbs"]) - {"get", "list", "watch"}
        assert not writes or all(each.endswith("/status") for each in rule["resources"])


def test_it_calls_no_one_at_home() -> None:
    assert {"--global.checknewversion=false", "--global.sendanonymoususage=false"} <= set(arguments())


def test_a_route_is_in_force_a_tenth_of_a_second_after_it_is_accepted() -> None:
    (server,) = deployed().pods()["traefik-server"]["containers"]
    assert "--providers.providersthrottleduration=100ms" in server["args"]


def test_a_replica_count_of_zero_and_a_port_outside_the_range_are_refused() -> None:
    with pytest.raises(ValueError, match="replicas: 0"):
        args(replicas=0)
    with pytest.raises(ValueError, match="node_port: 80; Kubernetes allows 30000"):
        args(node_port=80)


def test_it_may_watch_every_kind_that_it_watches() -> None:
    # Without any one of them Traefik waits for its caches for ever, and no Gateway is ever programmed.
    granted = deployed().one("ClusterRole").inputs["rules"]
    watched = {resource for rule in granted if "watch" in rule["verbs"] for resource in rule["resources"]}
    assert watched >= {
        "namespaces",
        "services",
        "secrets",
        "configmaps",
        "endpointslices",
        "gatewayclasses",
        "gateways",
        "httproutes",
        "grpcroutes",
        "referencegrants",
        "backendtlspolicies",
    }


def test_every_request_passes_the_middlewares_of_a_file_that_the_server_has() -> None:
    for gate in (None, "http://gate.identity:8080/check"):
        deployment = deployed(gate=gate, in_flight=5)
        pod = deployment.pods()["traefik-server"]
        (server,) = pod["containers"]
        (folder,) = [each["mountPath"] for each in server["volumeMounts"] if "middlewares" in each["name"]]
        (file,) = deployment.one("ConfigMap", "traefik-middlewares").inputs["data"]
        assert f"--providers.file.filename={folder}/{file}" in server["args"]
        expected = ",".join(middlewares.names(guarded=gate is not None))
        assert f"--entrypoints.web.http.middlewares={expected}" in server["args"]
        assert deployment.one("ConfigMap", "traefik-middlewares").inputs["data"][file] == middlewares.render(
            gate, 5
        )


def test_a_bound_that_refuses_every_request_is_refused() -> None:
    with pytest.raises(ValueError, match="in_flight: 0; every request would be refused"):
        args(in_flight=0)
