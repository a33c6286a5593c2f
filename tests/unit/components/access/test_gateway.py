import dataclasses
import json
from typing import Any

import pulumi_kubernetes as kubernetes
import pytest
import yaml

from components.access import gate, middlewares
from components.access.gateway import Gateway, GatewayArgs, LoadBalancer, address
from components.access.traefik_configuration import TLS_ENTRY_PORT, arguments
from components.shapes import network_policies
from components.shapes.server_certificate import ServerCertificate
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

BACKENDS = (network_policies.in_namespace("models"), network_policies.in_namespace("mlflow"))


GATE: dict[str, Any] = {"routes": []}
CERTIFICATE = ServerCertificate(authority="authority", certificate="certificate", key="key-of-tests")


def args(**changes: object) -> GatewayArgs:
    plain = GatewayArgs(
        namespace="gateway",
        image="docker.io/library/traefik:v3",
        domain="plinth.localhost",
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
    inside, outside = services(deployment)
    assert inside["ports"] == [{"name": "web", "port": 80, "targetPort": listener["port"]}]
    assert outside["ports"] == [
        {"name": "web", "port": 80, "targetPort": listener["port"], "nodePort": 30080}
    ]


def services(deployment: Deployment[Gateway]) -> list[dict[str, Any]]:
    """Return the specs of the Services for pods and for clients outside."""
    made = deployment.of_type("Service")
    by_name = {each.inputs["metadata"]["name"]: each.inputs["spec"] for each in made}
    inside = by_name.pop("traefik")
    (outside,) = by_name.values()
    assert (inside["type"], outside["selector"]) == ("ClusterIP", inside["selector"])
    return [inside, outside]


def test_no_two_services_have_the_node_port_while_one_gives_it_to_the_other() -> None:
    deployment = deployed()
    inside, outside = (
        deployment.one("Service", "traefik-service"),
        deployment.one("Service", "traefik-node-port"),
    )
    assert inside.urn in outside.dependencies


@pytest.mark.parametrize("node_port", [30080, None])
def test_with_a_certificate_nothing_but_tls_is_published(node_port: int | None) -> None:
    deployment = deployed(certificate=CERTIFICATE, node_port=node_port)
    inside, outside = services(deployment)
    assert [each["targetPort"] for each in inside["ports"]] == [8000]
    (port,) = outside["ports"]
    assert (port["port"], port["targetPort"], port.get("nodePort")) == (443, TLS_ENTRY_PORT, node_port)
    assert deployment.result.connection.url("mlflow") == "https://mlflow.plinth.localhost"
    assert deployed(node_port=node_port).result.connection.url("mlflow") == "http://mlflow.plinth.localhost"


def test_with_a_certificate_clear_text_is_for_pods_alone() -> None:
    tls, clear = rules.policies(deployed(certificate=CERTIFICATE))["traefik"]["ingress"]
    assert [each["port"] for each in tls["ports"]] == [TLS_ENTRY_PORT]
    assert tls["from"] == [{"ipBlock": {"cidr": "0.0.0.0/0"}}]
    assert [each["port"] for each in clear["ports"]] == [8000]
    assert clear["from"] == [{"namespaceSelector": {}}]


def test_listener_and_file_name_the_certificate_that_the_pod_has() -> None:
    deployment = deployed(certificate=CERTIFICATE)
    secret = deployment.one("Secret")
    name = secret.inputs["metadata"]["name"]
    gateway = deployment.one("kubernetes:gateway.networking.k8s.io/v1:Gateway")
    web, tls = gateway.inputs["spec"]["listeners"]
    assert (web["protocol"], tls["protocol"], tls["port"]) == ("HTTP", "HTTPS", TLS_ENTRY_PORT)
    # Traefik refuses a reference whose group is not given.
    assert tls["tls"]["certificateRefs"] == [{"group": "", "kind": "Secret", "name": name}]
    assert secret.urn in gateway.dependencies
    pod = deployment.pods()["traefik-server"]
    (volume,) = [each for each in pod["volumes"] if "secret" in each]
    assert volume["secret"]["secretName"] == name
    (container,) = pod["containers"]
    folders = {each["name"]: each["mountPath"] for each in container["volumeMounts"]}
    content = yaml.safe_load(deployment.one("ConfigMap").inputs["data"]["dynamic.yaml"])
    files = content["tls"]["stores"]["default"]["defaultCertificate"]
    assert files == {
        kind: f"{folders[volume['name']]}/{key}"
        for kind, key in (("certFile", "tls.crt"), ("keyFile", "tls.key"))
    }
    assert {*secret.inputs["stringData"]["value"]} == {"tls.crt", "tls.key"}


@pytest.mark.parametrize("preview", [False, True])
def test_with_a_certificate_it_meets_the_rules_too(preview: bool) -> None:
    deployment = deployed(preview=preview, certificate=CERTIFICATE, gate=GATE)
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["traefik-server"])
    rules.assert_no_secret_in_clear(deployment, "key-of-tests")


def test_a_certificate_behind_a_load_balancer_with_another_one_is_refused() -> None:
    with pytest.raises(ValueError, match="certificate: TLS ends at the load balancer already"):
        args(certificate=CERTIFICATE, node_port=None, load_balancer=LoadBalancer(tls=True))


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
    for known in (None, GATE):
        deployment = deployed(gate=known, in_flight=5)
        pod = deployment.pods()["traefik-server"]
        (server,) = pod["containers"]
        (folder,) = [each["mountPath"] for each in server["volumeMounts"] if each["name"] == "configuration"]
        data = deployment.one("ConfigMap", "traefik-configuration").inputs["data"]
        (file,) = data
        assert f"--providers.file.filename={folder}/{file}" in server["args"]
        asked = gate.address() if known else None
        expected = ",".join(middlewares.names(guarded=known is not None))
        assert f"--entrypoints.web.http.middlewares={expected}" in server["args"]
        assert yaml.safe_load(data[file])["http"]["middlewares"] == middlewares.content(asked, 5)


def test_the_gate_has_its_file_and_another_one_is_another_pod() -> None:
    annotations = set[str]()
    for known in (GATE, {**GATE, "domain": "other.example"}):
        deployment = deployed(gate=known)
        config_map = deployment.one("ConfigMap", "traefik-gate").inputs
        assert json.loads(config_map["data"][gate.FILE]) == known
        pod = deployment.pods()["traefik-server"]
        (volume,) = [each for each in pod["volumes"] if each["name"] == "gate"]
        assert volume["configMap"]["name"] == config_map["metadata"]["name"]
        (server,) = pod["containers"]
        folders = {each["name"]: each["mountPath"] for each in server["volumeMounts"]}
        assert folders["gate"] == gate.FOLDER
        template = deployment.one("Deployment").inputs["spec"]["template"]["metadata"]
        annotations.add(json.dumps(template["annotations"]))
    assert len(annotations) == 2


def test_only_with_a_gate_it_asks_the_api_who_somebody_is() -> None:
    asked = [rule["resources"] for rule in deployed(gate=GATE).one("ClusterRole").inputs["rules"]]
    assert asked[-2:] == [["tokenreviews"], ["subjectaccessreviews"]]
    assert ["tokenreviews"] not in [
        rule["resources"] for rule in deployed().one("ClusterRole").inputs["rules"]
    ]


def test_only_with_an_issuer_it_may_connect_to_anywhere() -> None:
    plain, issued = (
        rules.policies(deployed(gate=known))["traefik"]["egress"] for known in (GATE, {**GATE, "issuer": {}})
    )
    *rest, added = issued
    assert rest == plain
    assert added == {
        "to": [{"ipBlock": {"cidr": "0.0.0.0/0"}}],
        "ports": [{"port": 443, "protocol": "TCP"}],
    }


def test_a_bound_that_refuses_every_request_is_refused() -> None:
    with pytest.raises(ValueError, match="in_flight: 0; every request would be refused"):
        args(in_flight=0)
