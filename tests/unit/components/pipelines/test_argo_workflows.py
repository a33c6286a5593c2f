import dataclasses
import json
from typing import Any

import pytest
import yaml

from components.images import reference
from components.pipelines.argo_workflows import ArgoWorkflows, ArgoWorkflowsArgs, StartBounds
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

PLAIN = ArgoWorkflowsArgs(
    namespace="kubeflow",
    runs_namespace="runs",
    image=reference("argo-workflow-controller"),
    executor_image=reference("argo-executor"),
    artifacts=sample.artifacts(),
    artifacts_secret="artifacts",
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[ArgoWorkflows]:
    args = dataclasses.replace(PLAIN, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: ArgoWorkflows("argo", args), preview=preview)


def settings(deployment: Deployment[ArgoWorkflows]) -> dict[str, dict[str, object]]:
    data = deployment.one("ConfigMap").inputs["data"]
    return {name: json.loads(text) for name, text in data.items()}


def environment(deployment: Deployment[ArgoWorkflows]) -> dict[str, dict[str, Any]]:
    (container,) = deployment.pods()["argo-controller"]["containers"]
    return {each["name"]: each for each in container["env"]}


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "ArgoWorkflows")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients={"argo-controller"})
    rules.assert_no_secret_in_clear(deployment, "artifact-secret")


def test_the_controller_starts_after_its_kinds_rights_and_ways_out() -> None:
    deployment = deployed()
    before = rules.before(deployment, deployment.one("Deployment"))
    assert {"argo-account", "argo-binding", "argo-own-binding", "argo-settings", "argo-policy"} <= before
    assert "argo-priority" in before
    assert "argo-definitions" in before


def test_one_controller_needs_no_election_and_ends_before_its_successor_starts() -> None:
    alone = deployed()
    assert alone.one("Deployment").inputs["spec"]["strategy"] == {"type": "Recreate"}
    assert environment(alone)["LEADER_ELECTION_DISABLE"]["value"] == "true"


def test_several_controllers_elect_one_by_the_names_of_their_pods() -> None:
    several = deployed(replicas=2)
    assert several.one("Deployment").inputs["spec"]["replicas"] == 2
    assert several.of_type("PodDisruptionBudget")
    variables = environment(several)
    assert "LEADER_ELECTION_DISABLE" not in variables
    identity = variables["LEADER_ELECTION_IDENTITY"]["valueFrom"]
    assert identity == {"fieldRef": {"fieldPath": "metadata.name"}}
    with pytest.raises(ValueError, match="replicas: 0"):
        dataclasses.replace(PLAIN, replicas=0)


def test_the_definitions_are_the_minimal_ones_and_labelled() -> None:
    documents = list(yaml.safe_load_all(deployed().one("ConfigGroup").inputs["yaml"]))
    assert {each["kind"] for each in documents} == {"CustomResourceDefinition"}
    assert {"workflows.argoproj.io", "workflowtaskresults.argoproj.io"} <= {
        each["metadata"]["name"] for each in documents
    }
    assert all(each["metadata"]["labels"]["app.kubernetes.io/part-of"] == "plinth" for each in documents)
    assert len(deployed().one("ConfigGroup").inputs["yaml"]) < 200_000


def test_a_step_does_not_wait_ten_seconds_for_the_controller() -> None:
    (container,) = deployed().pods()["argo-controller"]["containers"]
    assert {"name": "DEFAULT_REQUEUE_TIME", "value": "100ms"} in container["env"]


def test_a_controller_sees_one_namespace_and_uses_the_pinned_executor() -> None:
    (container,) = deployed().pods()["argo-controller"]["containers"]
    assert {"--namespaced", "--managed-namespace=runs"} <= {*container["args"]}
    assert f"--executor-image={reference('argo-executor')}" in container["args"]


def test_logs_go_to_the_bucket_under_the_pods_name() -> None:
    store = settings(deployed())["artifactRepository"]
    assert store["archiveLogs"] is True
    assert store["s3"] == {
        "endpoint": "object-store.object-store:9000",
        "bucket": "mlflow",
        "region": "us-east-1",
        "insecure": True,
        "keyFormat": "artifacts/{{workflow.name}}/{{pod.name}}",
        "accessKeySecret": {"name": "artifacts", "key": "accesskey"},
        "secretKeySecret": {"name": "artifacts", "key": "secretkey"},
    }


@pytest.mark.parametrize("section", ["executor", "mainContainer"])
def test_containers_of_steps_hold_no_privilege(section: str) -> None:
    context = settings(deployed())[section]["securityContext"]
    assert context == {
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }


def test_the_controller_reaches_the_kubernetes_api_alone() -> None:
    (policy,) = rules.policies(deployed()).values()
    assert policy["policyTypes"] == ["Egress"]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[443, 6443]]


def test_a_finished_workflow_can_be_looked_at_for_a_day() -> None:
    defaults: Any = settings(deployed())["workflowDefaults"]
    assert defaults["spec"]["ttlStrategy"] == {"secondsAfterCompletion": 86400}


def step_patch(deployment: Deployment[ArgoWorkflows]) -> Any:
    defaults: Any = settings(deployment)["workflowDefaults"]
    return json.loads(defaults["spec"]["podSpecPatch"])


def test_the_last_lines_of_a_failed_step_become_its_reason() -> None:
    (main,) = step_patch(deployed())["containers"]
    assert (main["name"], main["terminationMessagePolicy"]) == ("main", "FallbackToLogsOnError")


def test_every_step_gets_the_variables_of_the_platform() -> None:
    (main,) = step_patch(deployed(step_environment={"PIP_INDEX_URL": "https://index/simple"}))["containers"]
    assert main["env"] == [{"name": "PIP_INDEX_URL", "value": "https://index/simple"}]
    assert step_patch(deployed())["containers"][0]["env"] == []


def test_a_volume_of_a_cloud_can_be_written_by_the_user_of_steps() -> None:
    assert step_patch(deployed())["securityContext"] == {"fsGroup": 65532}


def test_a_step_that_cannot_start_ends_within_five_minutes_and_one_that_may_within_a_day() -> None:
    (container,) = deployed().pods()["argo-controller"]["containers"]
    env = {each["name"]: each["value"] for each in container["env"]}
    assert (env["POD_START_TIMEOUT"], env["POD_ROOM_TIMEOUT"]) == ("240s", "86400s")
    bounds = StartBounds(start_seconds=60, room_seconds=600)
    (container,) = deployed(bounds=bounds).pods()["argo-controller"]["containers"]
    assert {"name": "POD_START_TIMEOUT", "value": "60s"} in container["env"]


@pytest.mark.parametrize(
    ("start", "room", "problem"), [(29, 600, "give at least 30"), (600, 60, "is below start_seconds")]
)
def test_bounds_that_would_fail_healthy_steps_are_refused(start: int, room: int, problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        StartBounds(start_seconds=start, room_seconds=room)


def test_metrics_are_plain_and_for_those_who_may_read_them() -> None:
    scraper = network_policies.pods({"app": "prometheus"}, "monitoring")
    policy = rules.policies(deployed(scrapers=(scraper,)))["workflow-controller"]
    (rule,) = policy["ingress"]
    assert rule["ports"] == [{"port": 9090, "protocol": "TCP"}]
    assert "ingress" not in rules.policies(deployed())["workflow-controller"]
    assert settings(deployed())["metricsConfig"] == {"enabled": True, "port": 9090, "secure": False}


def test_without_keys_logs_are_archived_by_the_identity_of_the_step() -> None:
    repository: Any = settings(deployed(artifacts=sample.keyless_artifacts()))["artifactRepository"]
    store = repository["s3"]
    assert store["useSDKCreds"] is True
    assert not {"accessKeySecret", "secretKeySecret"} & store.keys()
    assert (store["endpoint"], store["insecure"]) == ("s3.eu-central-1.amazonaws.com:443", False)
    with_keys: Any = settings(deployed())["artifactRepository"]
    assert "useSDKCreds" not in with_keys["s3"]


def test_the_controller_may_create_what_large_steps_are_mounted_from() -> None:
    granted = [
        rule
        for rule in deployed().one("Role", "argo-role").inputs["rules"]
        if "configmaps" in rule["resources"] and "create" in rule["verbs"]
    ]
    assert granted == [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["create"]}]


def test_in_its_own_namespace_the_controller_reads_its_settings_and_elects_a_leader() -> None:
    deployment = deployed()
    own, of_runs = (deployment.one("Role", f"argo-{name}").inputs for name in ("own-role", "role"))
    assert (own["metadata"]["namespace"], of_runs["metadata"]["namespace"]) == ("kubeflow", "runs")
    granted = {resource: rule["verbs"] for rule in own["rules"] for resource in rule["resources"]}
    assert granted == {"leases": ["create", "get", "update"], "configmaps": ["get", "list", "watch"]}
    (named,) = [rule["resourceNames"] for rule in own["rules"] if rule["resources"] == ["configmaps"]]
    assert named == ["workflow-controller-configmap", "artifact-repositories"]
    assert not [rule for rule in of_runs["rules"] if "leases" in rule["resources"]]
    for name in ("argo-binding", "argo-own-binding"):
        (subject,) = deployment.one("RoleBinding", name).inputs["subjects"]
        assert subject == {"kind": "ServiceAccount", "name": "argo", "namespace": "kubeflow"}
