import base64
import dataclasses
import json

import pytest

from components.serving.kserve_controller import (
    KserveController,
    KserveControllerArgs,
    definitions,
    rights,
    settings,
    webhook_host,
    webhooks,
)
from components.shapes.server_certificate import ServerCertificate
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

CA = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"


def args(**changes: object) -> KserveControllerArgs:
    plain = KserveControllerArgs(
        namespace="kserve",
        image="docker.io/kserve/kserve-controller:v0",
        storage_initializer_image="plinth/storage-initializer:abc",
        gateway=sample.GATEWAY,
        webhook_certificate=ServerCertificate(authority=CA, certificate="certificate", key="private-key"),
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[KserveController]:
    return deploy(lambda: KserveController("kserve", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "KserveController")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["kserve-manager"])
    rules.assert_no_secret_in_clear(deployment, "private-key")


def test_every_webhook_calls_our_service_and_trusts_our_authority() -> None:
    found = webhooks("kserve", CA)
    assert len(found) == 6
    for configuration in found.values():
        for webhook in configuration:
            client = webhook["clientConfig"]
            assert base64.b64decode(client["caBundle"]).decode() == CA
            assert f"{client['service']['name']}.{client['service']['namespace']}.svc" == webhook_host(
                "kserve"
            )
            assert webhook["failurePolicy"] == "Fail"


def test_webhooks_come_after_the_controller_and_its_service() -> None:
    deployment = deployed()
    configurations = [
        *deployment.of_type("MutatingWebhookConfiguration"),
        *deployment.of_type("ValidatingWebhookConfiguration"),
    ]
    assert len(configurations) == 6
    for each in configurations:
        assert {"kserve-manager", "kserve-webhook-service"} <= rules.before(deployment, each)


def test_the_controller_comes_after_definitions_settings_and_certificate() -> None:
    deployment = deployed()
    needed = {"kserve-definitions", "kserve-settings", "kserve-certificate", "kserve-binding"}
    assert needed <= rules.before(deployment, deployment.one("Deployment"))


def test_it_counts_as_started_when_its_webhooks_listen() -> None:
    (container,) = deployed().pods()["kserve-manager"]["containers"]
    assert container["startupProbe"]["tcpSocket"] == {"port": 9443}
    assert container["readinessProbe"]["httpGet"]["port"] == 8081


def test_settings_are_those_that_a_standard_install_needs() -> None:
    data = settings(
        gateway="gateway/traefik",
        domain="plinth.localhost",
        storage_initializer_image="plinth/storage-initializer:abc",
        version="v0",
    )
    sections = {name: json.loads(text) for name, text in data.items()}
    assert sections["deploy"]["defaultDeploymentMode"] == "Standard"
    assert sections["deploy"]["deploymentRolloutStrategy"]["defaultRollout"]["maxUnavailable"] == "0%"
    assert sections["ingress"]["enableGatewayApi"] is True
    assert sections["ingress"]["kserveIngressGateway"] == "gateway/traefik"
    assert sections["ingress"]["ingressGateway"]
    assert set(sections["inferenceService"]["resource"].values()) == {""}
    for agent in ("logger", "batcher", "agent"):
        assert {"cpuRequest", "cpuLimit", "memoryRequest", "memoryLimit"} <= sections[agent].keys()


def test_two_replicas_have_a_disruption_budget() -> None:
    assert deployed(replicas=2).of_type("PodDisruptionBudget")
    assert not deployed().of_type("PodDisruptionBudget")


def test_no_replica_is_refused() -> None:
    with pytest.raises(ValueError, match="replicas: 0"):
        args(replicas=0)


def test_definitions_are_small_and_still_know_the_names_that_people_write() -> None:
    found = {each["spec"]["names"]["kind"]: each for each in definitions()}
    assert found.keys() == {
        "ClusterServingRuntime",
        "ClusterStorageContainer",
        "InferenceGraph",
        "InferenceService",
        "ServingRuntime",
        "TrainedModel",
    }
    assert len(json.dumps(found["InferenceService"])) < 64_000
    (version,) = [each for each in found["InferenceService"]["spec"]["versions"] if each["name"] == "v1beta1"]
    schema = version["schema"]["openAPIV3Schema"]
    for step in ("spec", "predictor", "model"):
        schema = schema["properties"][step]
        assert not schema.get("x-kubernetes-preserve-unknown-fields")
    assert {"modelFormat", "storageUri", "runtime"} <= schema["properties"].keys()


def _writable(rules: list[dict[str, list[str]]]) -> set[str]:
    return {
        each
        for rule in rules
        for each in rule["resources"]
        if not {*rule["verbs"]} <= {"get", "list", "watch"}
    }


def test_it_makes_what_a_model_consists_of_and_reads_keys_only_where_models_are() -> None:
    cluster, models = rights()
    children = {"deployments", "horizontalpodautoscalers", "httproutes", "ingresses", "services"}
    assert _writable(models) == children
    # Knative's Services share their name with those of Kubernetes.
    assert (
        children & _writable([rule for rule in cluster if rule["apiGroups"] != ["serving.knative.dev"]])
        == set()
    )
    read = {each for rule in cluster for each in rule["resources"]}
    assert children <= read
    assert not {"secrets", "serviceaccounts"} & read
    assert {"secrets", "serviceaccounts"} <= {each for rule in models for each in rule["resources"]}


def test_it_may_not_change_webhooks() -> None:
    groups = {group for rules in rights() for rule in rules for group in rule["apiGroups"]}
    assert "serving.kserve.io" in groups
    assert "admissionregistration.k8s.io" not in groups
