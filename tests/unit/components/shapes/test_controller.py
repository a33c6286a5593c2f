from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import controller, network_policies, pod_security, server_pods
from components.shapes.controller import Controller, Grant, Rights, Settings
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from components.shapes.webhook_server import WebhookServer
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

SELECTOR = {"app": "reconciler"}
DEFINITION = {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {}}
READ: kubernetes.rbac.v1.PolicyRuleArgsDict = {"api_groups": [""], "resources": ["pods"], "verbs": ["get"]}
WEBHOOKS = WebhookServer(
    service="webhooks",
    secret="webhook-cert",
    certificate=ServerCertificate(authority="the authority", certificate="the certificate", key="the key"),
    webhooks=lambda namespace, ca: {"ValidatingWebhookConfiguration checks": [{"name": f"{namespace}{ca}"}]},
    resource=lambda name, role: f"{name}-{role}",
)


class Reconciler(pulumi.ComponentResource):
    def __init__(self, **parts: Any) -> None:
        super().__init__("plinth:index:Reconciler", "reconciler")
        owner = Owner(
            component="reconciler", namespace="place", labels=SELECTOR, selector=SELECTOR, parent=self
        )
        sizes = pod_security.sizes(cpu="1m", memory="1Mi", memory_limit="2Mi")
        container = server_pods.container("manager", "image", ["manager"], resources=sizes)
        self.deployed = controller.deploy(
            owner,
            Controller(
                role="manager",
                name="reconciler-manager",
                pod=server_pods.pod(container),
                policy=network_policies.controller(SELECTOR, scrapers=(), metrics_port=8080),
                **parts,
            ),
        )


def deployed(**parts: Any) -> Deployment[Reconciler]:
    return deploy(lambda: Reconciler(**parts))


def whole() -> Deployment[Reconciler]:
    return deployed(
        definitions=[DEFINITION],
        rights=Rights(
            account="reconciler",
            cluster=Grant(rules=[READ], name="plinth-reconciler", resource="reconciler-cluster"),
            namespace=Grant(rules=[READ], name="reconciler"),
        ),
        settings=Settings(name="settings", data={"key": "value"}),
        webhooks=WEBHOOKS,
        policy_name="controller",
        replicas=2,
    )


def test_a_controller_starts_after_every_part_that_it_reads() -> None:
    deployment = whole()
    assert rules.before(deployment, deployment.one("Deployment", "reconciler-manager")) == {
        "reconciler-account",
        "reconciler-binding",
        "reconciler-certificate",
        "reconciler-cluster-binding",
        "reconciler-definitions",
        "reconciler-policy",
        "reconciler-settings",
    }


def test_webhooks_are_registered_once_the_controller_serves_them() -> None:
    deployment = whole()
    configuration = deployment.one("ValidatingWebhookConfiguration", "reconciler-checks-checks")
    needed = {"reconciler-manager", "reconciler-webhook-service"}
    assert needed <= rules.before(deployment, configuration)
    assert len(deployment.result.deployed.webhooks) == 1


def test_rights_and_settings_have_the_names_that_are_given() -> None:
    deployment = whole()
    assert deployment.one("ServiceAccount").inputs["metadata"]["name"] == "reconciler"
    cluster_role = deployment.one("ClusterRole", "reconciler-cluster-role").inputs
    assert cluster_role["metadata"]["name"] == "plinth-reconciler"
    assert deployment.one("kubernetes:rbac.authorization.k8s.io/v1:Role", "reconciler-role")
    settings = deployment.one("ConfigMap", "reconciler-settings").inputs
    assert settings["metadata"]["name"] == "settings"
    assert settings["data"] == {"key": "value"}
    assert deployment.one("NetworkPolicy").inputs["metadata"]["name"] == "controller"


def test_replicas_elect_a_leader_and_are_replaced_without_a_gap() -> None:
    deployment = whole()
    spec = deployment.one("Deployment").inputs["spec"]
    assert (spec["replicas"], spec["strategy"]["type"]) == (2, "RollingUpdate")
    # Its webhooks are registered once it is available: the Service must lead to it by then.
    assert spec["minReadySeconds"] == 3
    assert deployment.of_type("PodDisruptionBudget")


def test_a_part_that_is_left_out_makes_nothing() -> None:
    deployment = deployed()
    kinds = [each.type.rsplit(":", 1)[-1] for each in deployment.registrations]
    assert sorted(kinds) == ["Deployment", "NetworkPolicy", "Reconciler"]
    assert deployment.one("Deployment").inputs["spec"]["strategy"] == {"type": "Recreate"}
    assert deployment.one("NetworkPolicy").inputs["metadata"]["name"] == "reconciler-manager"
    assert deployment.result.deployed.webhooks == ()


def test_a_controller_starts_again_when_its_settings_change() -> None:
    def annotations(value: str, replicas: int | None) -> dict[str, str]:
        made = deployed(settings=Settings(name="settings", data={"key": value}), replicas=replicas)
        return made.one("Deployment").inputs["spec"]["template"]["metadata"]["annotations"]

    for replicas in (None, 1, 2):
        first = annotations("a", replicas)
        assert list(first) == ["plinth.dev/reads-at-start"]
        assert first == annotations("a", replicas) != annotations("b", replicas)
    assert "annotations" not in deployed().one("Deployment").inputs["spec"]["template"]["metadata"]
