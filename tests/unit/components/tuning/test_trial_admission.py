"""A real API server evaluates the expressions: tests/integration/components/test_trial_admission.py."""

from components.tuning import trial_admission

SPEC = trial_admission.spec("katib", account="katib-controller", suggestion_image="plinth/goptuna:abc")


def test_whatever_katib_creates_is_looked_at_and_nothing_else() -> None:
    assert SPEC["failurePolicy"] == "Fail"
    (rule,) = SPEC["matchConstraints"]["resourceRules"]
    assert (rule["resources"], rule["operations"]) == (["services", "deployments", "jobs"], ["CREATE"])
    (condition,) = SPEC["matchConditions"]
    assert condition["expression"] == (
        "request.userInfo.username == 'system:serviceaccount:katib:katib-controller'"
    )


def test_each_refusal_says_what_is_wrong_in_one_line() -> None:
    assert len(SPEC["validations"]) == 7
    for each in SPEC["validations"]:
        assert len(each["message"]) > 20
        assert "\n" not in each["message"]
