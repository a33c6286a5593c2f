"""The gateway reaches what is routed, and the stack says where it answers."""

from typing import Any

from infra.settings import reader, stack_file
from tests.fixtures import platform
from tests.unit.components import rules
from tests.unit.infra import choices


def _backends(stack: str) -> list[str]:
    policy: dict[str, Any] = rules.policies(platform.stack(stack))["traefik"]
    peers = [peer for way in policy["egress"] for peer in way["to"] if "namespaceSelector" in peer]
    return [each["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"] for each in peers]


def test_the_gateway_reaches_the_namespaces_of_routes_and_no_others() -> None:
    assert _backends("local") == ["kubeflow", "mlflow", "models", "monitoring", "object-store"]
    assert _backends("prod") == ["kubeflow", "mlflow", "models", "monitoring"]


def test_the_address_is_an_output_where_a_cloud_gives_one() -> None:
    assert "gateway_url" not in platform.stack("local").result
    assert "gateway_url" in platform.stack("prod").result
    assert platform.stack("prod").result["gateway_domain"] == "plinth.example.com"


def test_production_survives_the_loss_of_a_node() -> None:
    replicas = {
        stack: platform.stack(stack).one("Deployment", "traefik-server").inputs["spec"]["replicas"]
        for stack in ("dev", "prod")
    }
    assert replicas == {"dev": 1, "prod": 2}


def test_routes_are_an_output_with_full_hosts() -> None:
    routes = platform.stack("local").result["routes"]
    hosts = [each["host"] for each in routes]
    assert hosts == [
        "objects.plinth.local",
        "mlflow.plinth.local",
        "MODEL-models.plinth.local",
        "pipelines.plinth.local",
        "prometheus.plinth.local",
    ]
    assert all(each["title"] and each["description"] for each in routes)
    chosen = choices.changed(choices.of_stack("local"), "monitoring.grafanaImage", "grafana:12")
    with_grafana = platform.deployed(reader.parse(chosen)).result["routes"]
    assert "grafana.plinth.local" in [each["host"] for each in with_grafana]
    assert stack_file.settings("local").gateway.domain == "plinth.local"
