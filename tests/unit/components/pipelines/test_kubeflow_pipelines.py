import dataclasses
import json

import pytest
import yaml

from components.pipelines.kubeflow_pipelines import (
    KubeflowPipelines,
    KubeflowPipelinesArgs,
    PipelineImages,
    StepSettings,
)
from components.pipelines.pipeline_steps import POD_LABELS
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample
from workloads.contract import OBJECT_STORE_SECRET

STEPS = StepSettings(
    tracking_uri="http://mlflow.mlflow:5000",
    environment={"PLINTH_GATEWAY_DOMAIN": "plinth.localhost"},
    destinations=(network_policies.egress([network_policies.in_namespace("mlflow")], 5000),),
    models_namespace="models",
)
IMAGES = PipelineImages(
    api_server="api-server:1",
    driver="driver:1",
    launcher="launcher:1",
    persistence_agent="persistence-agent:1",
    scheduler="scheduler:1",
    workflow_controller="workflow-controller:1",
    executor="executor:1",
    metadata="metadata:1",
)
PLAIN = KubeflowPipelinesArgs(
    namespace="kubeflow",
    runs_namespace="runs",
    images=IMAGES,
    pipelines_database=sample.mysql("mlpipeline"),
    metadata_database=sample.mysql("metadb"),
    artifacts=sample.artifacts(),
    steps=STEPS,
    gateway=sample.GATEWAY,
)
API_CLIENTS = {
    "pipelines-api-server",
    "pipelines-argo-controller",
    "pipelines-persistence-agent-agent",
    "pipelines-scheduled-workflow-controller-agent",
}


def deployed(*, preview: bool = False, **changes: object) -> Deployment[KubeflowPipelines]:
    args = dataclasses.replace(PLAIN, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: KubeflowPipelines("pipelines", args), preview=preview)


def pod_labels(deployment: Deployment[KubeflowPipelines]) -> dict[str, dict[str, str]]:
    return {
        each.name: each.inputs["spec"]["template"]["metadata"]["labels"]
        for each in deployment.of_type("Deployment")
    }


def named_pods(rule: dict[str, object], key: str) -> list[dict[str, str]]:
    peers: list[dict[str, dict[str, dict[str, str]]]] = rule[key]  # pyright: ignore[reportAssignmentType]
    return [peer["podSelector"]["matchLabels"] for peer in peers if "podSelector" in peer]


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "KubeflowPipelines")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients=API_CLIENTS)
    rules.assert_no_secret_in_clear(deployment, "artifact-secret", sample.MYSQL_PASSWORD)


def test_agents_start_after_the_server_and_the_kinds_they_watch() -> None:
    deployment = deployed()
    for kind in ("persistence-agent", "scheduled-workflow-controller"):
        before = rules.before(deployment, deployment.one("PipelinesAgent", f"pipelines-{kind}"))
        assert {"pipelines-definitions", "pipelines-argo-definitions", "pipelines-api-service"} <= before


def test_the_server_starts_after_the_kinds_it_makes() -> None:
    deployment = deployed()
    before = rules.before(deployment, deployment.one("PipelinesApiServer"))
    assert {"pipelines-argo-definitions", "pipelines-definitions"} <= before


def test_the_server_does_not_wait_for_the_tracking_server_of_which_steps_are_told() -> None:
    deployment = deployed()
    before = rules.before(deployment, deployment.one("PipelinesApiServer"))
    assert "pipelines-steps-plinth-endpoints" not in before


def test_every_pod_named_in_a_policy_exists() -> None:
    deployment = deployed()
    existing = [*pod_labels(deployment).values(), POD_LABELS]
    named = [
        labels
        for policy in rules.policies(deployment).values()
        for direction, key in (("ingress", "from"), ("egress", "to"))
        for rule in policy.get(direction, [])
        for labels in named_pods(rule, key)
    ]
    assert named, "no pod is named: this check would pass on nothing"
    for labels in named:
        assert any(labels.items() <= each.items() for each in existing), labels


def test_a_policy_selects_the_pods_of_exactly_one_deployment() -> None:
    deployment = deployed()
    policies = rules.policies(deployment)
    for name, policy in policies.items():
        wanted = policy["podSelector"]["matchLabels"]
        matching = [
            each for each, labels in pod_labels(deployment).items() if wanted.items() <= labels.items()
        ]
        assert len(matching) == (0 if wanted == POD_LABELS else 1), (name, matching)


def test_steps_are_told_where_the_tracking_server_is_and_may_go_there() -> None:
    deployment = deployed()
    told = deployment.one("ConfigMap", "pipelines-steps-plinth-endpoints").inputs["data"]
    assert told == {
        "MLFLOW_TRACKING_URI": "http://mlflow.mlflow:5000",
        "PLINTH_GATEWAY_DOMAIN": "plinth.localhost",
    }
    egress = rules.policies(deployment)["pipeline-steps"]["egress"]
    ports = [[port["port"] for port in rule["ports"]] for rule in egress]
    # The last is pip's own index, where the stack names none.
    assert ports == [[443, 6443], [8888, 8887], [8080], [9000], [5000], [443]]


def test_the_kind_of_recurring_runs_comes_from_the_pinned_module() -> None:
    text = deployed().one("ConfigGroup", "pipelines-definitions").inputs["yaml"]
    (definition,) = yaml.safe_load_all(text)
    assert definition["metadata"]["name"] == "scheduledworkflows.kubeflow.org"


def test_every_pod_runs_the_image_that_is_given_for_it() -> None:
    pods = deployed().pods()
    images = {name: pod["containers"][0]["image"] for name, pod in pods.items()}
    assert images == {
        "pipelines-api-server": "api-server:1",
        "pipelines-argo-controller": "workflow-controller:1",
        "pipelines-metadata-server": "metadata:1",
        "pipelines-persistence-agent-agent": "persistence-agent:1",
        "pipelines-scheduled-workflow-controller-agent": "scheduler:1",
    }
    (server,) = pods["pipelines-api-server"]["containers"]
    values = {each["name"]: each.get("value") for each in server["env"]}
    assert (values["V2_DRIVER_IMAGE"], values["V2_LAUNCHER_IMAGE"]) == ("driver:1", "launcher:1")
    assert "--executor-image=executor:1" in pods["pipelines-argo-controller"]["containers"][0]["args"]


def test_the_namespace_of_runs_is_the_output() -> None:
    assert deployed().output("pipelines") == {"runs_namespace": "runs"}


def test_no_server_no_volume_and_no_password_is_in_the_namespace_of_runs() -> None:
    in_runs = [
        each
        for each in deployed().registrations
        if each.inputs.get("metadata", {}).get("namespace") == "runs"
    ]
    kinds = {each.type.rpartition(":")[2] for each in in_runs}
    assert kinds == {
        "ConfigMap",
        "LimitRange",
        "NetworkPolicy",
        "Role",
        "RoleBinding",
        "Secret",
        "ServiceAccount",
    }
    names = {
        kind: {each.inputs["metadata"]["name"] for each in in_runs if each.type.endswith(f":{kind}")}
        for kind in ("Secret", "ServiceAccount")
    }
    assert names == {"Secret": {OBJECT_STORE_SECRET}, "ServiceAccount": {"pipeline-runner"}}


def test_drivers_and_launchers_find_the_servers_from_another_namespace() -> None:
    deployment = deployed()
    settings = deployment.one("ConfigMap", "pipelines-argo-settings").inputs["data"]
    patch = json.loads(json.loads(settings["workflowDefaults"])["spec"]["podSpecPatch"])
    (main,) = patch["containers"]
    assert {each["name"]: each["value"] for each in main["env"]} == {
        "METADATA_GRPC_SERVICE_SERVICE_HOST": "metadata-grpc-service.kubeflow",
        "METADATA_GRPC_SERVICE_SERVICE_PORT": "8080",
        "ML_PIPELINE_SERVICE_HOST": "ml-pipeline.kubeflow",
        "ML_PIPELINE_SERVICE_PORT_GRPC": "8887",
    }
    launcher = deployment.one("ConfigMap", "pipelines-steps-metadata-grpc-configmap").inputs["data"]
    assert launcher["METADATA_GRPC_SERVICE_HOST"] == "metadata-grpc-service.kubeflow"


def test_whoever_follows_runs_looks_into_their_namespace_alone() -> None:
    pods = deployed().pods()
    (controller,) = pods["pipelines-argo-controller"]["containers"]
    assert "--managed-namespace=runs" in controller["args"]
    (server,) = pods["pipelines-api-server"]["containers"]
    assert {"name": "POD_NAMESPACE", "value": "runs"} in server["env"]
    for kind in ("persistence-agent", "scheduled-workflow-controller"):
        (agent,) = pods[f"pipelines-{kind}-agent"]["containers"]
        assert "--namespace=runs" in agent["args"]


def test_one_database_for_two_programs_is_refused() -> None:
    with pytest.raises(ValueError, match=r"metadata_database: 'mlpipeline' holds the pipelines"):
        dataclasses.replace(PLAIN, metadata_database=PLAIN.pipelines_database)
