from typing import Any

import pytest

from components.tuning import experiment_namespace, katib_controller
from components.tuning.experiment_namespace import ExperimentNamespace, ExperimentNamespaceArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from workloads.contract import TRIAL_LABEL

ARGS = ExperimentNamespaceArgs(
    namespace="research",
    core_namespace="katib",
    steps_account="pipeline-runner",
    destinations=({"to": [{"namespace_selector": {"match_labels": {"name": "mlflow"}}}]},),
)


def deployed(*, preview: bool = False) -> Deployment[ExperimentNamespace]:
    return deploy(lambda: ExperimentNamespace("experiments-research", ARGS), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "ExperimentNamespace")
    rules.assert_labelled(deployment)


def test_steps_make_watch_and_delete_experiments_and_touch_no_trial() -> None:
    (rule,) = experiment_namespace.step_rights()
    assert rule["resources"] == ["experiments"]
    assert set(rule["verbs"]) == {"get", "watch", "create", "delete"}
    binding = deployed().one("RoleBinding", "experiments-research-steps-binding").inputs
    assert [each["name"] for each in binding["subjects"]] == ["pipeline-runner"]


def test_the_controller_of_katib_gets_its_rights_here() -> None:
    binding = deployed().one("RoleBinding", "experiments-research-controller-binding").inputs
    (subject,) = binding["subjects"]
    assert (subject["name"], subject["namespace"]) == (katib_controller.ACCOUNT, "katib")


def test_the_account_of_the_service_that_proposes_has_no_token_and_no_right() -> None:
    deployment = deployed()
    account = deployment.one("ServiceAccount").inputs
    assert account["metadata"]["name"] == katib_controller.SUGGESTIONS_ACCOUNT
    assert account["automountServiceAccountToken"] is False
    subjects = [each for role in deployment.of_type("RoleBinding") for each in role.inputs["subjects"]]
    assert katib_controller.SUGGESTIONS_ACCOUNT not in {each["name"] for each in subjects}


def test_trials_reach_the_store_of_metrics_and_the_tracking_server() -> None:
    policies: dict[str, dict[str, Any]] = rules.policies(deployed())
    trials = policies["katib-trials"]
    (selected,) = trials["podSelector"]["matchExpressions"]
    assert selected == {"key": TRIAL_LABEL, "operator": "Exists"}
    store, tracking = trials["egress"]
    assert [port["port"] for port in store["ports"]] == [6789]
    assert tracking["to"] == [{"namespaceSelector": {"matchLabels": {"name": "mlflow"}}}]
    suggestions = policies["katib-suggestions"]
    assert suggestions["policyTypes"] == ["Ingress"]
    (rule,) = suggestions["ingress"]
    (peer,) = rule["from"]
    assert peer["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "controller"
