"""The two controllers are restricted, and change nothing outside of the namespaces of runs."""

import base64
import json
from typing import Any

import pytest

from components.shapes.server_certificate import ServerCertificate
from components.training import controllers, jobset_controller, trainer_controller
from components.training.controllers import TrainingControllerArgs
from components.training.jobset_controller import JobSetController
from components.training.trainer_controller import TrainerController
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

CA = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"
MODULES = {"jobset": jobset_controller, "trainer": trainer_controller}
# Of what belongs to no namespace, and of events, which name an object of any.
WRITTEN_EVERYWHERE = {
    "events",
    "clustertrainingruntimes",
    "clustertrainingruntimes/finalizers",
    "tokenreviews",
    "subjectaccessreviews",
}


def deployed(product: str, *, preview: bool = False) -> Deployment[Any]:
    kind = {"jobset": JobSetController, "trainer": TrainerController}[product]
    args = TrainingControllerArgs(
        namespace="training",
        image="plinth/controller:0",
        webhook_certificate=ServerCertificate(authority=CA, certificate="certificate", key="private-key"),
    )
    return deploy(lambda: kind(product, args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
@pytest.mark.parametrize(
    ("product", "component"), [("jobset", "JobSetController"), ("trainer", "TrainerController")]
)
def test_everything_is_labelled_restricted_and_below_the_component(
    product: str, component: str, preview: bool
) -> None:
    deployment = deployed(product, preview=preview)
    rules.assert_children_of_one_component(deployment, component)
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=[f"{product}-manager"])
    rules.assert_no_secret_in_clear(deployment, "private-key")


@pytest.mark.parametrize("product", MODULES)
def test_it_writes_outside_of_runs_what_belongs_to_no_namespace_alone(product: str) -> None:
    granted = deployed(product).one("ClusterRole").inputs["rules"]
    reading = {"get", "list", "watch"}
    written = {name for rule in granted if not set(rule["verbs"]) <= reading for name in rule["resources"]}
    assert written <= WRITTEN_EVERYWHERE
    everything = [*granted, *MODULES[product].rights().in_runs]
    named = {name for rule in everything for name in rule["resources"]}
    assert not named & {"secrets", "nodes", "*", "mutatingwebhookconfigurations"}
    assert not any("*" in rule["verbs"] for rule in everything)


def test_config_maps_of_others_cannot_be_listed() -> None:
    found = trainer_controller.rights()
    assert not any("configmaps" in rule["resources"] for rule in found.everywhere)
    verbs = {verb for rule in found.in_runs if "configmaps" in rule["resources"] for verb in rule["verbs"]}
    assert verbs == {"get", "create", "patch", "update"}


def test_pods_are_only_read() -> None:
    assert not any("pods" in rule["resources"] for rule in jobset_controller.rights().in_runs)


@pytest.mark.parametrize(
    ("product", "names"),
    [
        ("jobset", {"mjobset.kb.io", "vjobset.kb.io"}),
        (
            "trainer",
            {
                "defaulter.trainjob.trainer.kubeflow.org",
                "validator.trainjob.trainer.kubeflow.org",
                "validator.trainingruntime.trainer.kubeflow.org",
                "validator.clustertrainingruntime.trainer.kubeflow.org",
            },
        ),
    ],
)
def test_no_webhook_is_called_for_what_is_not_of_a_training(product: str, names: set[str]) -> None:
    found = MODULES[product].webhooks("training", CA)
    hooks = [webhook for each in found.values() for webhook in each]
    assert {each["name"] for each in hooks} == names
    assert all(name.split()[1].startswith(f"{product}-") for name in found)
    for webhook in hooks:
        client = webhook["clientConfig"]
        assert base64.b64decode(client["caBundle"]).decode() == CA
        host = f"{client['service']['name']}.{client['service']['namespace']}.svc"
        assert host == MODULES[product].webhook_host("training")


@pytest.mark.parametrize("product", MODULES)
def test_the_configuration_names_what_the_pod_mounts(product: str) -> None:
    deployment = deployed(product)
    (container,) = deployment.pods()[f"{product}-manager"]["containers"]
    mounts = {mount["mountPath"] for mount in container["volumeMounts"]}
    (text,) = deployment.one("ConfigMap").inputs["data"].values()
    settings = json.loads(text)
    # Trainer has no setting for it, and upstream's default.
    assert settings["webhook"].get("certDir", "/tmp/k8s-webhook-server/serving-certs") in mounts  # noqa: S108
    assert settings["health"]["healthProbeBindAddress"] == ":8081"
    assert any(
        each == f"--config=/etc/{product}/controller_manager_config.yaml" for each in container["args"]
    )


@pytest.mark.parametrize("product", MODULES)
def test_webhooks_come_after_the_controller_and_its_service(product: str) -> None:
    deployment = deployed(product)
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        each = deployment.one(kind)
        assert {f"{product}-manager", f"{product}-webhook-service"} <= rules.before(deployment, each)


def test_definitions_are_small_and_leave_pods_to_those_who_create_them() -> None:
    found = [*jobset_controller.definitions(), *trainer_controller.definitions()]
    assert {each["spec"]["names"]["kind"] for each in found} == {
        "JobSet",
        "TrainJob",
        "TrainingRuntime",
        "ClusterTrainingRuntime",
    }
    for each in found:
        assert len(json.dumps(each)) < 50_000
    assert controllers.lean([]) == []
    (jobset,) = jobset_controller.definitions()
    spec = jobset["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    job = spec["replicatedJobs"]["items"]["properties"]["template"]["properties"]["spec"]["properties"]
    assert job["template"]["properties"]["spec"] == {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    # What keeps names within bounds stays.
    assert "x-kubernetes-validations" in json.dumps(jobset) or "maxLength" in json.dumps(jobset)
