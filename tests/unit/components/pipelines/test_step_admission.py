"""The expressions themselves are evaluated by a real API server: tests/e2e/test_step_admission.py."""

from components.pipelines import step_admission

CONTROLLER = "system:serviceaccount:kubeflow:argo"
SPEC = step_admission.spec("runs", creator=CONTROLLER, account="pipeline-runner")


def test_every_pod_that_the_workflow_controller_creates_is_looked_at() -> None:
    assert SPEC["failurePolicy"] == "Fail"
    constraints = SPEC["matchConstraints"]
    assert constraints["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "runs"}}
    (rule,) = constraints["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["pods"], ["CREATE"])
    (condition,) = SPEC["matchConditions"]
    assert condition["expression"] == f"request.userInfo.username == '{CONTROLLER}'"


def test_each_refusal_says_what_is_wrong_in_one_line() -> None:
    assert len(SPEC["validations"]) == 4
    for each in SPEC["validations"]:
        text = each.get("message") or each["messageExpression"]
        assert len(text) > 20
        assert "\n" not in text
