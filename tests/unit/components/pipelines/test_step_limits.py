"""The expressions themselves are evaluated by a real API server: tests/e2e/test_step_admission.py."""

from components.pipelines import step_limits
from components.pipelines.step_limits import DefaultLimits
from tests.unit.components.pipelines.test_pipeline_steps import deployed


def test_a_step_without_limits_gets_some_and_requests_little() -> None:
    (of_containers,) = (
        deployed(limits=DefaultLimits(memory="2Gi", storage="8Gi")).one("LimitRange").inputs["spec"]["limits"]
    )
    assert of_containers == {
        "type": "Container",
        "default": {"memory": "2Gi", "ephemeral-storage": "8Gi"},
        "defaultRequest": {"cpu": "10m", "memory": "64Mi", "ephemeral-storage": "64Mi"},
    }


def test_the_policy_concerns_pods_of_its_namespace_alone() -> None:
    deployment = deployed()
    policy = deployment.one("MutatingAdmissionPolicy", "steps-step-limits").inputs
    assert policy["spec"] == step_limits.policy("runs")
    binding = deployment.one("MutatingAdmissionPolicyBinding", "steps-step-limits-binding").inputs["spec"]
    assert binding["policyName"] == policy["metadata"]["name"] == "steps-step-limits"
