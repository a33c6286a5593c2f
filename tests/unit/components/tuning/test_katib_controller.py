import base64
import dataclasses
import json
from typing import Any

import pytest

from components.shapes.server_certificate import ServerCertificate
from components.tuning import katib_controller
from components.tuning.katib_controller import KatibController, KatibControllerArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

CA = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"
IMAGE = "plinth/katib-suggestion-goptuna:abc"
ARGS = KatibControllerArgs(
    namespace="katib",
    image="plinth/katib-controller:abc",
    suggestion_image=IMAGE,
    webhook_certificate=ServerCertificate(authority=CA, certificate="certificate", key="private-key"),
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[KatibController]:
    args = dataclasses.replace(ARGS, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: KatibController("katib", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "KatibController")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["katib-manager"])
    rules.assert_no_secret_in_clear(deployment, "private-key")


def _granted(found: list[Any]) -> dict[str, set[str]]:
    granted: dict[str, set[str]] = {}
    for rule in found:
        for resource in rule["resources"]:
            granted.setdefault(resource, set()).update(rule["verbs"])
    return granted


def test_everywhere_the_controller_watches_and_changes_nothing() -> None:
    granted = _granted(katib_controller.rights())
    assert {*granted} == {
        *("experiments", "suggestions", "trials"),
        *("deployments", "jobs", "persistentvolumeclaims", "services"),
    }
    assert {verb for verbs in granted.values() for verb in verbs} == {"get", "list", "watch"}


def test_where_experiments_are_it_makes_jobs_services_and_deployments() -> None:
    granted = _granted(katib_controller.namespace_rights())
    assert {each for each in granted if "create" in granted[each]} >= {"deployments", "jobs", "services"}
    assert not granted.keys() & {"secrets", "roles", "rolebindings", "serviceaccounts", "pods"}
    assert "*" not in {verb for verbs in granted.values() for verb in verbs}


def test_it_reads_its_own_settings_alone() -> None:
    (rule,) = katib_controller.settings_rights()
    assert (rule["resources"], rule["resourceNames"], rule["verbs"]) == (
        ["configmaps"],
        ["katib-config"],
        ["get"],
    )


def test_experiments_are_checked_and_no_pod_is_changed() -> None:
    found = katib_controller.webhooks("katib", CA)
    names = {hook["name"] for hooks in found.values() for hook in hooks}
    assert names == {
        "validator.experiment.katib.kubeflow.org",
        "defaulter.experiment.katib.kubeflow.org",
    }
    for hook in (each for hooks in found.values() for each in hooks):
        assert base64.b64decode(hook["clientConfig"]["caBundle"]).decode() == CA
        host = f"{hook['clientConfig']['service']['name']}.{hook['clientConfig']['service']['namespace']}.svc"
        assert host == katib_controller.webhook_host("katib")


def test_the_service_that_proposes_meets_the_restricted_standard_and_has_no_right() -> None:
    for each in katib_controller.settings(IMAGE)["runtime"]["suggestions"]:
        context = each["securityContext"]
        assert (context["runAsNonRoot"], context["allowPrivilegeEscalation"]) == (True, False)
        assert context["capabilities"] == {"drop": ["ALL"]}
        assert context["seccompProfile"] == {"type": "RuntimeDefault"}
        assert each["image"] == IMAGE
        assert each["serviceAccountName"] == katib_controller.SUGGESTIONS_ACCOUNT
        assert {"memory", "ephemeral-storage"} <= each["resources"]["limits"].keys()


def test_no_collector_of_metrics_is_offered_and_no_certificate_made() -> None:
    made = katib_controller.settings(IMAGE)
    assert made["runtime"]["metricsCollectors"] == []
    assert made["init"]["certGenerator"] == {"enable": False}
    assert made["init"]["controller"]["trialResources"] == ["Job.v1.batch"]


def test_settings_and_certificate_are_where_the_controller_reads_them() -> None:
    deployment = deployed()
    (container,) = deployment.pods()["katib-manager"]["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    # Where Katib looks for it.
    assert mounts["/tmp/cert"] == "certificate"  # noqa: S108 - a path in the container
    (argument,) = container["args"]
    folder, _, file = argument.removeprefix("--katib-config=").rpartition("/")
    assert mounts[folder] == "settings"
    configuration = deployment.one("ConfigMap").inputs
    assert configuration["metadata"]["name"] == "katib-config"
    assert json.loads(configuration["data"][file])["kind"] == "KatibConfig"


def test_the_policy_of_trials_comes_before_the_controller_and_webhooks_after_it() -> None:
    deployment = deployed()
    manager = deployment.one("Deployment")
    needed = {"katib-definitions", "katib-settings", "katib-certificate", "katib-binding", "katib-trials"}
    assert needed <= rules.before(deployment, manager)
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        assert "katib-manager" in rules.before(deployment, deployment.one(kind))
