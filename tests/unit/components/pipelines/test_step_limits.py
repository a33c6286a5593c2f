"""The expressions themselves are evaluated by a real API server: tests/e2e/test_step_admission.py."""

import pulumi

from components.pipelines import step_limits
from components.pipelines.step_limits import DefaultLimits
from components.shapes.labels import labels
from components.shapes.owner import Owner
from tests.fixtures.recorder import Deployment, deploy


class Steps(pulumi.ComponentResource):
    def __init__(self) -> None:
        super().__init__("plinth:index:Steps", "steps")
        owner = Owner(
            component="steps",
            namespace="runs",
            labels=labels("kubeflow-pipelines", "steps", "steps"),
            selector={},
            parent=self,
        )
        step_limits.deploy(owner, DefaultLimits(memory="2Gi", storage="8Gi"))


def deployed() -> Deployment[Steps]:
    return deploy(Steps)


def test_a_step_without_limits_gets_some_and_requests_little() -> None:
    (of_containers,) = deployed().one("LimitRange").inputs["spec"]["limits"]
    assert of_containers == {
        "type": "Container",
        "default": {"memory": "2Gi", "ephemeral-storage": "8Gi"},
        "defaultRequest": {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
    }


def test_the_policy_concerns_pods_of_its_namespace_alone() -> None:
    deployment = deployed()
    policy = deployment.one("MutatingAdmissionPolicy").inputs
    assert policy["spec"] == step_limits.policy("runs")
    binding = deployment.one("MutatingAdmissionPolicyBinding").inputs["spec"]
    assert binding["policyName"] == policy["metadata"]["name"] == "steps-step-limits"
