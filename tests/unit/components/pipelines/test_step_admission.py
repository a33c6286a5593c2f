"""The expressions themselves are evaluated by a real API server: tests/e2e/test_step_admission.py."""

from components.pipelines import step_admission

SPEC = step_admission.spec("kubeflow", creator="argo", account="pipeline-runner")


def test_every_pod_that_the_workflow_controller_creates_is_looked_at() -> None:
    assert SPEC["failurePolicy"] == "Fail"
    constraints = SPEC["matchConstraints"]
    assert constraints["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "kubeflow"}}
    (rule,) = constraints["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["pods"], ["CREATE"])
    (condition,) = SPEC["matchConditions"]
    assert condition["expression"] == "request.userInfo.username == 'system:serviceaccount:kubeflow:argo'"


def test_each_refusal_says_what_is_wrong_in_one_line() -> None:
    assert len(SPEC["validations"]) == 6
    for each in SPEC["validations"]:
        text = each.get("message") or each["messageExpression"]
        assert len(text) > 20
        assert "\n" not in text


def test_names_are_lists_of_cel() -> None:
    variables = {each["name"]: each["expression"] for each in SPEC["variables"]}
    assert variables["claims"] == "['mysql']"
    assert variables["secrets"].startswith("['metadata-database', ")
