import base64
from typing import Any

import pulumi

from components.shapes import network_policies, webhook_server
from components.shapes.labels import labels
from components.shapes.webhook_server import Webhooks, WebhookServer
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

SCRAPER = network_policies.pods({"app": "prometheus"})
ANYWHERE = [{"ipBlock": {"cidr": "0.0.0.0/0"}}]


def webhooks(namespace: str, ca: str) -> Webhooks:
    hook: dict[str, Any] = {
        "name": "jobs.example.com",
        "clientConfig": {"service": {"name": "upstream", "namespace": "upstream", "path": "/jobs"}},
    }
    webhook_server.call(hook, service="webhooks", namespace=namespace, ca=ca)
    return {"MutatingWebhookConfiguration first": [hook], "ValidatingWebhookConfiguration second": [hook]}


class Controller(pulumi.ComponentResource):
    def __init__(self, *, scraped: bool) -> None:
        super().__init__("plinth:index:Controller", "controller")
        server = WebhookServer(
            component="controller",
            namespace="place",
            labels=labels("controller", "controller", "controller"),
            selector={"app": "controller"},
            parent=self,
        )
        certificate = server.certificate("webhook-cert", "the certificate", "the key")
        server.network_policy([SCRAPER] if scraped else [], 8080)
        server.service("webhooks")
        server.configurations(webhooks, "the authority", lambda name, role: f"{name}-{role}", [certificate])


def deployed(*, scraped: bool = True) -> Deployment[Controller]:
    return deploy(lambda: Controller(scraped=scraped))


def test_the_certificate_must_be_for_the_host_that_the_api_server_calls() -> None:
    assert webhook_server.host("webhooks", "place") == "webhooks.place.svc"


def test_a_webhook_calls_our_service_on_upstreams_path_and_trusts_our_authority() -> None:
    for (hook,) in webhooks("place", "the authority").values():
        client = hook["clientConfig"]
        assert client["service"] == {"name": "webhooks", "namespace": "place", "path": "/jobs"}
        assert base64.b64decode(client["caBundle"]) == b"the authority"


def test_a_controller_is_held_back_until_its_webhooks_listen() -> None:
    probe = webhook_server.startup_probe()
    assert probe.get("tcp_socket") == {"port": webhook_server.PORT}


def test_the_key_is_a_secret() -> None:
    deployment = deployed()
    secret = deployment.one("Secret", "controller-certificate")
    assert secret.inputs["type"] == "kubernetes.io/tls"
    assert "the key" in str(secret.inputs["stringData"])
    rules.assert_no_secret_in_clear(deployment, "the key")


def test_the_service_leads_to_the_port_that_the_network_policy_opens() -> None:
    deployment = deployed(scraped=False)
    service = deployment.one("Service").inputs["spec"]
    policy = deployment.one("NetworkPolicy").inputs["spec"]
    assert service["selector"] == policy["podSelector"]["matchLabels"] == {"app": "controller"}
    (port,) = service["ports"]
    (way,) = policy["ingress"]
    assert [each["port"] for each in way["ports"]] == [port["targetPort"]] == [webhook_server.PORT]
    assert way["from"] == ANYWHERE


def test_metrics_are_read_by_scrapers_alone() -> None:
    _, metrics = deployed().one("NetworkPolicy").inputs["spec"]["ingress"]
    assert metrics["from"] == [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]
    assert [each["port"] for each in metrics["ports"]] == [8080]


def test_the_api_server_asks_each_configuration_after_what_must_answer() -> None:
    deployment = deployed()
    certificate = deployment.one("Secret").urn
    for kind, name, resource in (
        ("MutatingWebhookConfiguration", "first", "first-defaults"),
        ("ValidatingWebhookConfiguration", "second", "second-checks"),
    ):
        made = deployment.one(kind, resource)
        assert made.inputs["metadata"]["name"] == name
        assert certificate in made.dependencies
        (hook,) = made.inputs["webhooks"]
        assert hook["clientConfig"]["service"]["namespace"] == "place"
