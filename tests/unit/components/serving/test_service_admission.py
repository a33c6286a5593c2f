"""The expressions themselves are evaluated by a real API server: tests/e2e/test_service_admission.py."""

from components.serving import service_admission
from components.serving.kserve_serving import runtime_name
from components.serving.model_namespace import ACCOUNTS, RUNTIMES
from components.serving.service_admission import Models

MODELS = Models(below="s3://mlflow/", teams="s3://mlflow/workspaces/", own="s3://mlflow/workspaces/default/")
SPEC = service_admission.spec("models", models=MODELS, runtimes=RUNTIMES, accounts=ACCOUNTS)


def test_every_new_spec_of_a_service_is_looked_at_and_no_other_change() -> None:
    assert SPEC["failurePolicy"] == "Fail"
    constraints = SPEC["matchConstraints"]
    assert constraints["namespaceSelector"] == {"matchLabels": {"kubernetes.io/metadata.name": "models"}}
    (rule,) = constraints["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["inferenceservices"], ["CREATE", "UPDATE"])
    (condition,) = SPEC["matchConditions"]
    assert condition["expression"] == "oldObject == null || object.spec != oldObject.spec"


def test_each_refusal_says_what_is_wrong_in_one_line() -> None:
    assert len(SPEC["validations"]) == 7
    for each in SPEC["validations"]:
        assert len(each["message"]) > 20
        assert "\n" not in each["message"]


def test_every_runtime_of_the_platform_has_a_name_that_passes() -> None:
    assert runtime_name({}).startswith(RUNTIMES)
    assert runtime_name({}, "torch").startswith(f"{RUNTIMES}torch-")
