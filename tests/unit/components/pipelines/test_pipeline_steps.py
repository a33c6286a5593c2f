import dataclasses
import json

import pytest

from components.pipelines.pipeline_steps import POD_LABELS, PipelineSteps, PipelineStepsArgs, launcher_policy
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

PLAIN = PipelineStepsArgs(
    namespace="runs",
    artifacts=sample.artifacts(),
    metadata_service="metadata-grpc-service",
    metadata_port=8080,
    environment={"MLFLOW_TRACKING_URI": "http://mlflow.mlflow:5000"},
    destinations=(network_policies.egress([network_policies.in_namespace("mlflow")], 5000),),
    models_namespace="models",
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[PipelineSteps]:
    args = dataclasses.replace(PLAIN, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: PipelineSteps("steps", args), preview=preview)


def config_maps(deployment: Deployment[PipelineSteps]) -> dict[str, dict[str, str]]:
    return {each.inputs["metadata"]["name"]: each.inputs["data"] for each in deployment.of_type("ConfigMap")}


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "PipelineSteps")
    rules.assert_labelled(deployment)
    rules.assert_no_secret_in_clear(deployment, "artifact-secret")


def test_a_step_may_read_one_secret_and_one_config_map_and_nothing_else_of_theirs() -> None:
    rights = deployed().one("Role", "steps-runner-role").inputs["rules"]
    named = {rule["resources"][0]: rule for rule in rights}
    assert named["secrets"]["resourceNames"] == ["mlpipeline-minio-artifact"]
    assert named["configmaps"]["resourceNames"] == ["kfp-launcher"]
    assert named["pods"]["verbs"] == ["get"]
    assert named["persistentvolumeclaims"]["verbs"] == ["get", "create", "delete"]
    assert named.keys() == {"secrets", "configmaps", "pods", "persistentvolumeclaims", "workflowtaskresults"}
    assert not any("*" in rule["verbs"] + rule["resources"] for rule in rights)


def test_a_step_may_deploy_into_the_models_namespace_alone() -> None:
    deployment = deployed()
    role = deployment.one("Role", "steps-deploy-role").inputs
    assert role["metadata"]["namespace"] == "models"
    assert [rule["resources"] for rule in role["rules"]] == [
        ["inferenceservices"],
        ["modelrollouts"],
        ["pods"],
    ]
    # It asks for rollouts and looks at them; who approves, and who moves requests, is somebody else.
    assert role["rules"][1]["verbs"] == ["get", "create"]
    assert role["rules"][2]["verbs"] == ["list", "watch"]
    assert {"get", "create", "patch"} <= set(role["rules"][0]["verbs"])
    (subject,) = deployment.one("RoleBinding", "steps-deploy-binding").inputs["subjects"]
    assert subject == {"kind": "ServiceAccount", "name": "pipeline-runner", "namespace": "runs"}


def test_without_a_models_namespace_a_step_may_deploy_nowhere() -> None:
    names = [each.name for each in deployed(models_namespace=None).of_type("Role")]
    assert names == ["steps-runner-role"]


def test_the_launcher_signs_for_the_region_of_the_store() -> None:
    data = config_maps(deployed())["kfp-launcher"]
    assert data["defaultPipelineRoot"] == "s3://mlflow/v2/artifacts"
    default = json.loads(data["providers"])["s3"]["default"]
    assert default["region"] == "us-east-1"
    assert default["endpoint"] == "object-store.object-store:9000"
    assert default["disableSSL"] is True
    assert default["credentials"]["secretRef"]["secretName"] == "mlpipeline-minio-artifact"


def test_steps_find_the_metadata_store_and_the_tracking_server() -> None:
    found = config_maps(deployed())
    assert found["metadata-grpc-configmap"] == {
        "METADATA_GRPC_SERVICE_HOST": "metadata-grpc-service",
        "METADATA_GRPC_SERVICE_PORT": "8080",
    }
    assert found["plinth-endpoints"] == {"MLFLOW_TRACKING_URI": "http://mlflow.mlflow:5000"}


def test_steps_reach_the_kubernetes_api_and_named_destinations_and_no_one_reaches_them() -> None:
    (policy,) = rules.policies(deployed()).values()
    assert policy["podSelector"] == {"matchLabels": POD_LABELS}
    assert policy["policyTypes"] == ["Egress"]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[443, 6443], [5000]]


def test_the_launcher_policy_concerns_step_pods_of_its_namespace_alone() -> None:
    deployment = deployed()
    policy = deployment.one("MutatingAdmissionPolicy", "steps-launcher-security").inputs
    assert policy["spec"] == launcher_policy("runs")
    assert policy["spec"]["matchConstraints"]["namespaceSelector"] == {
        "matchLabels": {"kubernetes.io/metadata.name": "runs"}
    }
    assert policy["spec"]["matchConstraints"]["objectSelector"] == {"matchLabels": POD_LABELS}
    binding = deployment.one("MutatingAdmissionPolicyBinding", "steps-launcher-security-binding")
    assert binding.inputs["spec"]["policyName"] == policy["metadata"]["name"]
    assert "steps-launcher-security" in rules.before(deployment, binding)


def test_steps_that_reach_nothing_are_refused() -> None:
    with pytest.raises(ValueError, match="destinations: none given"):
        dataclasses.replace(PLAIN, destinations=())


def test_without_keys_the_launcher_takes_credentials_from_the_environment() -> None:
    deployment = deployed(artifacts=sample.keyless_artifacts())
    launcher = config_maps(deployment)["kfp-launcher"]
    assert launcher["defaultPipelineRoot"] == "s3://plinth-prod-mlflow/v2/artifacts"
    default = json.loads(launcher["providers"])["s3"]["default"]
    assert default["credentials"] == {"fromEnv": True}
    assert default["disableSSL"] is False


def test_without_keys_the_secret_that_pipelines_name_is_there_and_empty() -> None:
    deployment = deployed(artifacts=sample.keyless_artifacts())
    secret = deployment.one("Secret")
    assert secret.inputs["metadata"]["name"] == "mlpipeline-minio-artifact"
    assert rules.secret_data(secret) == {"accesskey": "", "secretkey": ""}
    rights = deployment.one("Role", "steps-runner-role").inputs["rules"]
    assert "secrets" not in [rule["resources"][0] for rule in rights]
