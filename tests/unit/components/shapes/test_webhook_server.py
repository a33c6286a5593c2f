import base64
from typing import Any

import pulumi

from components.shapes import webhook_server
from components.shapes.labels import labels
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from components.shapes.webhook_server import Webhooks, WebhookServer
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules


def webhooks(namespace: str, ca: str) -> Webhooks:
    hook: dict[str, Any] = {
        "name": "jobs.example.com",
        "clientConfig": {"service": {"name": "upstream", "namespace": "upstream", "path": "/jobs"}},
    }
    webhook_server.call(hook, service="webhooks", namespace=namespace, ca=ca)
    return {"MutatingWebhookConfiguration first": [hook], "ValidatingWebhookConfiguration second": [hook]}


SERVER = WebhookServer(
    service="webhooks",
    secret="webhook-cert",
    certificate=ServerCertificate(authority="the authority", certificate="the certificate", key="the key"),
    webhooks=webhooks,
    resource=lambda name, role: f"{name}-{role}",
)


class Controller(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Controller", "controller")
        owner = Owner(
            component="controller",
            namespace="place",
            labels=labels("controller", "controller", "controller"),
            selector={"app": "controller"},
            parent=self,
        )
        certificate = SERVER.create_certificate(owner)
        SERVER.create_service(owner)
        SERVER.register(owner, [certificate])


def deployed() -> Deployment[Controller]:
    return deploy(Controller)


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


def test_the_service_leads_to_the_port_of_the_webhooks() -> None:
    service = deployed().one("Service", "controller-webhook-service").inputs
    assert service["metadata"]["name"] == "webhooks"
    assert service["spec"]["selector"] == {"app": "controller"}
    (port,) = service["spec"]["ports"]
    assert (port["port"], port["targetPort"]) == (443, webhook_server.PORT)


def test_the_api_server_asks_each_configuration_after_what_must_answer() -> None:
    deployment = deployed()
    certificate = deployment.one("Secret").urn
    for kind, name, resource in (
        ("MutatingWebhookConfiguration", "first", "controller-first-defaults"),
        ("ValidatingWebhookConfiguration", "second", "controller-second-checks"),
    ):
        made = deployment.one(kind, resource)
        assert made.inputs["metadata"]["name"] == name
        assert certificate in made.dependencies
        (hook,) = made.inputs["webhooks"]
        assert hook["clientConfig"]["service"]["namespace"] == "place"
