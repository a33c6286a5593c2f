import base64
import dataclasses
import json

import pytest

from components.queues.kueue_controller import (
    Framework,
    KueueController,
    KueueControllerArgs,
    definitions,
    rights,
    settings,
    webhook_host,
    webhooks,
)
from components.shapes.server_certificate import ServerCertificate
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

CA = "-----BEGIN CERTIFICATE-----\nca\n-----END CERTIFICATE-----\n"
# Each further one could stop a pod when Kueue is down.
CALLED_FOR_EVERYONE = {"clusterqueue", "cohort", "resourceflavor", "workload"}


def args(**changes: object) -> KueueControllerArgs:
    plain = KueueControllerArgs(
        namespace="kueue",
        image="registry.k8s.io/kueue/kueue:v0",
        webhook_certificate=ServerCertificate(authority=CA, certificate="certificate", key="private-key"),
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[KueueController]:
    return deploy(lambda: KueueController("kueue", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "KueueController")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=["kueue-manager"])
    rules.assert_no_secret_in_clear(deployment, "private-key")


def test_definitions_are_of_one_version_that_needs_no_conversion() -> None:
    found = {each["spec"]["names"]["kind"]: each for each in definitions()}
    assert {"ResourceFlavor", "ClusterQueue", "Cohort", "LocalQueue", "Workload"} <= found.keys()
    for each in found.values():
        (version,) = each["spec"]["versions"]
        assert (version["name"], version["served"], version["storage"]) == ("v1beta2", True, True)
        assert "conversion" not in each["spec"]
        assert len(json.dumps(each)) < 32_000


def test_a_list_of_workloads_says_what_each_waits_for() -> None:
    (workload,) = [each for each in definitions() if each["spec"]["names"]["kind"] == "Workload"]
    (version,) = workload["spec"]["versions"]
    assert [each["name"] for each in version["additionalPrinterColumns"]][-1] == "Why"


def test_every_webhook_calls_our_service_and_trusts_our_authority() -> None:
    found = webhooks("kueue", CA)
    assert {name: len(hooks) for name, hooks in found.items()} == {
        "MutatingWebhookConfiguration kueue-mutating-webhook-configuration": 5,
        "ValidatingWebhookConfiguration kueue-validating-webhook-configuration": 6,
    }
    for configuration in found.values():
        for webhook in configuration:
            client = webhook["clientConfig"]
            assert base64.b64decode(client["caBundle"]).decode() == CA
            host = f"{client['service']['name']}.{client['service']['namespace']}.svc"
            assert host == webhook_host("kueue")


@pytest.mark.parametrize("cpu_teams", [(), ("research",)])
def test_without_kueue_only_gpu_pods_and_jobs_with_a_quota_do_not_start(cpu_teams: tuple[str, ...]) -> None:
    for configuration in webhooks("kueue", CA, cpu_teams=cpu_teams).values():
        for webhook in configuration:
            kind = webhook["name"][1:].split(".")[0]
            if kind in CALLED_FOR_EVERYONE:
                continue
            assert webhook["namespaceSelector"] == {
                "matchExpressions": [{"key": "plinth.dev/team", "operator": "Exists"}]
            }
            (condition,) = webhook["matchConditions"]
            assert "nvidia.com/" in condition["expression"]
            where = "object.spec.template.spec." if kind == "job" else "object.spec."
            assert f"{where}containers.exists" in condition["expression"]
            # Never a pod: a step that waits for its own Job would hold what the Job waits for.
            called = 'request.namespace in ["research"]' in condition["expression"]
            assert called is (kind == "job" and bool(cpu_teams))


def test_kinds_of_jobs_that_a_stack_defines_queue_in_the_namespaces_of_teams() -> None:
    plain, more = webhooks("kueue", CA), webhooks("kueue", CA, frameworks=[*Framework])
    for name, configuration in more.items():
        before = {webhook["name"] for webhook in plain[name]}
        added = [webhook for webhook in configuration if webhook["name"] not in before]
        assert {each["name"][1:] for each in added} == {"jobset.kb.io", "trainjob.kb.io"}
        for each in added:
            assert each["namespaceSelector"]["matchExpressions"][0]["key"] == "plinth.dev/team"
            # Such a job names a runtime, which alone knows what its pods request.
            assert "matchConditions" not in each
    assert {*Framework} <= {*settings("kueue", frameworks=[*Framework])["integrations"]["frameworks"]}


def test_quotas_count_cpus_where_a_team_has_such_a_quota() -> None:
    excluded = settings("kueue", count_cpus=True)["resources"]["excludeResourcePrefixes"]
    assert "cpu" not in excluded
    assert {"memory", "vpc.amazonaws.com/efa"} <= set(excluded)


def test_quotas_are_of_gpus_alone_and_of_teams_alone() -> None:
    made = settings("kueue")
    # A pod that requests what no quota covers would wait for ever.
    assert {"cpu", "memory", "vpc.amazonaws.com/efa"} <= set(made["resources"]["excludeResourcePrefixes"])
    assert not any("nvidia.com".startswith(each) for each in made["resources"]["excludeResourcePrefixes"])
    (selected,) = made["managedJobsNamespaceSelector"]["matchExpressions"]
    assert selected == {"key": "plinth.dev/team", "operator": "Exists"}
    assert set(made["integrations"]["frameworks"]) == {"batch/job", "pod"}
    assert made["internalCertManagement"] == {"enable": False}
    # Its watch of Secrets would need a right that the controller is not given.
    assert made["featureGates"]["MultiKueue"] is False


def test_certificates_lie_where_the_webhooks_and_the_metrics_read_them() -> None:
    deployment = deployed()
    (container,) = deployment.pods()["kueue-manager"]["containers"]
    mounts = {mount["mountPath"]: mount["name"] for mount in container["volumeMounts"]}
    configuration = deployment.one("ConfigMap").inputs["data"]["controller_manager_config.yaml"]
    assert mounts[json.loads(configuration)["webhook"]["certDir"]] == "certificate"
    assert mounts["/etc/kueue/metrics/certs"] == "metrics-certificate"
    volumes = {each["name"]: each for each in deployment.pods()["kueue-manager"]["volumes"]}
    for name in ("certificate", "metrics-certificate"):
        assert volumes[name]["secret"]["secretName"] == "kueue-webhook-server-cert"


def test_webhooks_come_after_the_controller_and_its_service() -> None:
    deployment = deployed()
    for kind in ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"):
        each = deployment.one(kind)
        assert {"kueue-manager", "kueue-webhook-service"} <= rules.before(deployment, each)


def test_the_controller_comes_after_definitions_settings_and_certificate() -> None:
    deployment = deployed()
    needed = {"kueue-definitions", "kueue-settings", "kueue-certificate", "kueue-binding"}
    assert needed <= rules.before(deployment, deployment.one("Deployment"))


def test_it_counts_as_started_when_its_webhooks_listen() -> None:
    (container,) = deployed().pods()["kueue-manager"]["containers"]
    assert container["startupProbe"]["tcpSocket"] == {"port": 9443}
    assert container["readinessProbe"]["httpGet"]["port"] == 8081


def test_its_rights_hold_no_wildcard_and_no_secret() -> None:
    for rule in rights():
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]], rule
        assert "secrets" not in rule["resources"], rule


def test_it_may_not_change_what_the_api_server_calls_or_knows() -> None:
    groups = {group for rule in rights() for group in rule["apiGroups"]}
    assert {"batch", "kueue.x-k8s.io"} <= groups
    assert not groups & {"admissionregistration.k8s.io", "apiextensions.k8s.io"}


def test_it_may_look_up_the_owner_of_a_pod_and_change_no_job_of_a_framework_that_it_does_not_run() -> None:
    verbs: dict[str, set[str]] = {}
    for rule in rights():
        for resource in rule["resources"]:
            verbs.setdefault(f"{resource}.{rule['apiGroups'][0]}", set()).update(rule["verbs"])
    assert "update" in verbs["jobs.batch"]
    for owner in ("replicasets.apps", "statefulsets.apps", "jobsets.jobset.x-k8s.io", "rayjobs.ray.io"):
        assert verbs[owner] == {"get", "list", "watch"}, owner


def test_it_may_suspend_and_start_jobs_of_a_framework_that_it_runs() -> None:
    for rule in rights([Framework.TRAIN_JOB]):
        for resource in rule["resources"]:
            writes = not {"get", "list", "watch"} >= {*rule["verbs"]}
            assert resource != "trainjobs" or writes
            assert not (writes and resource == "jobsets")


def test_metrics_are_read_by_scrapers_alone() -> None:
    scraper = {"namespace_selector": {"match_labels": {"kubernetes.io/metadata.name": "monitoring"}}}
    closed = rules.policies(deployed())["controller"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in closed] == [9443]
    opened = rules.policies(deployed(scrapers=(scraper,)))["controller"]["ingress"]
    assert [rule["ports"][0]["port"] for rule in opened] == [9443, 8443]


def test_two_replicas_have_a_disruption_budget() -> None:
    assert deployed(replicas=2).of_type("PodDisruptionBudget")
    assert not deployed().of_type("PodDisruptionBudget")


def test_no_replica_is_refused() -> None:
    with pytest.raises(ValueError, match="replicas: 0"):
        args(replicas=0)
