import dataclasses
import json
from pathlib import Path

import pulumi_kubernetes as kubernetes
import pytest

from components.delivery.delivery_controller import (
    PORT,
    DeliveryController,
    DeliveryControllerArgs,
    ModelsOf,
)
from components.shapes import network_policies
from delivery.rollouts.records import Defaults, Step
from delivery.rollouts.settings import Settings
from tests.fixtures.recorder import Deployment, Registration, deploy
from tests.unit.components import rules, sample

_STEPS = {"steps": [{"weight": 5, "seconds": 60}], "approval": True}


def args(**changes: object) -> DeliveryControllerArgs:
    plain = DeliveryControllerArgs(
        namespace="delivery",
        image="delivery-controller:v0",
        gateway=sample.GATEWAY,
        gateway_pods=(network_policies.in_namespace("gateway"),),
        models={
            "models": ModelsOf(namespace="models", tracking_uri="http://mlflow.mlflow:5000"),
            "research": ModelsOf(namespace="research", tracking_uri="http://mlflow-research.mlflow:5000"),
        },
        predictors=(network_policies.in_namespace("models"), network_policies.in_namespace("research")),
        tracking=(network_policies.in_namespace("mlflow"),),
        defaults=_STEPS,
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[DeliveryController]:
    return deploy(lambda: DeliveryController("delivery", args(**changes)), preview=preview)


def _settings(deployment: Deployment[DeliveryController]) -> Registration:
    return deployment.one("ConfigMap", "delivery-settings")


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "DeliveryController")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment, api_clients={"delivery-controller"})


def test_its_rights_end_at_the_namespaces_of_models_and_the_pods_of_the_gateway() -> None:
    deployment = deployed()
    assert not deployment.of_type("ClusterRole")
    assert not deployment.of_type("ClusterRoleBinding")
    granted = {
        each.inputs["metadata"]["namespace"]: {
            (group, resource): {*rule["verbs"]}
            for rule in each.inputs["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        for each in deployment.of_type("Role")
    }
    models = {
        # Who asks for a rollout is not who carries it out: it neither creates nor changes one.
        ("delivery.plinth.dev", "modelrollouts"): {"list", "delete"},
        ("delivery.plinth.dev", "modelrollouts/status"): {"patch"},
        # No pod starts because of it: pipelines and people create versions.
        ("serving.kserve.io", "inferenceservices"): {"get", "list", "delete"},
        ("gateway.networking.k8s.io", "httproutes"): {"list", "create", "patch", "delete"},
    }
    assert granted == {"gateway": {("", "pods"): {"list"}}, "models": models, "research": models}
    for binding in deployment.of_type("RoleBinding"):
        (subject,) = binding.inputs["subjects"]
        assert (subject["name"], subject["namespace"]) == ("delivery", "delivery")


def test_nobody_reaches_it_and_it_reaches_what_it_judges_by() -> None:
    policy = rules.policies(deployed())["delivery"]
    assert policy["policyTypes"] == ["Egress"]
    assert "ingress" not in policy
    ways = {
        (json.dumps(to, sort_keys=True), port["port"])
        for rule in policy["egress"]
        for to in rule["to"]
        for port in rule["ports"]
    }

    def namespace(name: str) -> str:
        return json.dumps({"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}})

    anywhere = json.dumps({"ipBlock": {"cidr": "0.0.0.0/0"}})
    assert ways == {
        (anywhere, 443),
        (anywhere, 6443),
        (namespace("gateway"), 9000),
        (namespace("models"), 8080),
        (namespace("research"), 8080),
        (namespace("mlflow"), 5000),
    }


def test_the_controller_reads_the_file_that_the_stack_writes(tmp_path: Path) -> None:
    (text,) = _settings(deployed()).inputs["data"].values()
    file = tmp_path / "settings.json"
    file.write_text(text)
    assert Settings.read(file) == Settings(
        tracking={
            "models": "http://mlflow.mlflow:5000",
            "research": "http://mlflow-research.mlflow:5000",
        },
        domain="plinth.localhost",
        gateway={"name": "traefik", "namespace": "gateway"},
        gateway_pods="app.kubernetes.io/name=traefik",
        defaults=Defaults(steps=(Step(weight=5, seconds=60),), approval=True),
    )


def test_other_settings_are_another_file_and_so_another_pod() -> None:
    def names(deployment: Deployment[DeliveryController]) -> tuple[str, str]:
        (volume,) = [
            each for each in deployment.pods()["delivery-controller"]["volumes"] if each["name"] == "settings"
        ]
        return _settings(deployment).inputs["metadata"]["name"], volume["configMap"]["name"]

    made, mounted = names(deployed())
    assert made == mounted
    assert names(deployed())[0] == made
    assert names(deployed(defaults={**_STEPS, "approval": False}))[0] != made


def test_a_plan_before_there_is_a_namespace_leaves_the_name_of_the_file_open() -> None:
    def program() -> None:
        # What a component creates is known once it is there.
        unknown = kubernetes.core.v1.Namespace("models").id
        models = {"models": ModelsOf(namespace=unknown, tracking_uri="http://mlflow.mlflow:5000")}
        DeliveryController("delivery", args(models=models))

    deployment = deploy(program, preview=True)
    assert "name" not in deployment.one("ConfigMap", "delivery-settings").inputs["metadata"]
    assert deployment.one("Deployment").inputs["metadata"]["name"] == "delivery"


def test_one_pod_alone_moves_requests() -> None:
    spec = deployed().one("Deployment").inputs["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}
    (container,) = spec["template"]["spec"]["containers"]
    (mount,) = [each for each in container["volumeMounts"] if each["name"] == "settings"]
    assert [*container["command"], *container["args"]] == [
        "python3",
        "-m",
        "delivery.rollouts",
        f"{mount['mountPath']}/settings.json",
    ]
    assert container["livenessProbe"]["httpGet"] == {"path": "/healthz", "port": PORT}


def test_it_starts_once_rollouts_are_defined_and_it_may_read_them() -> None:
    deployment = deployed()
    waits = rules.before(deployment, deployment.one("Deployment"))
    assert {"delivery-definitions", "delivery-settings", "delivery-policy", "delivery-account"} <= waits
    assert {each.name for each in deployment.of_type("RoleBinding")} <= waits


def test_both_policies_are_bound_and_what_one_refuses_is_denied() -> None:
    deployment = deployed()
    policies = {
        each.inputs["metadata"]["name"]: each.inputs["kind"]
        for each in deployment.registrations
        if str(each.inputs.get("kind")).endswith("AdmissionPolicy")
    }
    bindings = {
        each.inputs["spec"]["policyName"]: each.inputs["spec"].get("validationActions")
        for each in deployment.registrations
        if str(each.inputs.get("kind")).endswith("AdmissionPolicyBinding")
    }
    assert policies == {
        "delivery-requester": "MutatingAdmissionPolicy",
        "delivery-approval": "ValidatingAdmissionPolicy",
    }
    assert bindings == {"delivery-requester": None, "delivery-approval": ["Deny"]}


def test_a_controller_without_models_is_refused() -> None:
    with pytest.raises(ValueError, match="models: none given"):
        args(models={})
