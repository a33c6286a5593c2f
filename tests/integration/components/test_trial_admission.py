"""What Katib's controller may create, whatever an experiment describes: Jobs without rights, next to runs."""

from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.pipelines.pipeline_steps import ACCOUNT
from components.tuning import katib_controller
from infra.parts import tuning
from infra.parts.tenant import Tenant
from tests.fixtures.admission_cases import REFUSED_TRIALS, Body, trial
from tests.fixtures.enforced_stack import EnforcedStack, account
from tests.fixtures.front_door import APPLIED, RESEARCH

_KATIB = account(tuning.NAMESPACE, katib_controller.ACCOUNT)
_TENANTS = (Tenant(), Tenant(team=RESEARCH), Tenant(team=APPLIED))


def _create(stack: EnforcedStack, namespace: str, body: Body) -> None:
    batch: Any = client.BatchV1Api(stack.connect(_KATIB))
    batch.create_namespaced_job(namespace, body, dry_run="All")


@pytest.mark.parametrize("tenant", _TENANTS, ids=lambda each: each.team or "stack")
@pytest.mark.parametrize(("body", "reason"), REFUSED_TRIALS)
def test_a_trial_that_takes_more_than_a_step_is_refused_with_its_reason(
    stack_of_teams: EnforcedStack, tenant: Tenant, body: Body, reason: str
) -> None:
    with pytest.raises(ApiException) as refused:
        _create(stack_of_teams, tenant.runs_namespace, body)
    assert reason in str(refused.value.body)
    _create(stack_of_teams, tenant.runs_namespace, trial())


def test_a_trial_is_a_job_and_nothing_else(stack_of_teams: EnforcedStack) -> None:
    core: Any = client.CoreV1Api(stack_of_teams.connect(_KATIB))
    ports = {"ports": [{"port": 80}]}
    with pytest.raises(ApiException, match=r"a trial is a Job: give trialTemplate"):
        core.create_namespaced_service("runs", {"metadata": {"name": "x"}, "spec": ports}, dry_run="All")


def test_katib_creates_nothing_where_no_runs_are(stack_of_teams: EnforcedStack) -> None:
    for namespace in ("models", "kubeflow", "mlflow", tuning.NAMESPACE):
        with pytest.raises(ApiException) as refused:
            _create(stack_of_teams, namespace, trial())
        assert refused.value.status == 403, namespace


def test_a_step_makes_experiments_in_its_own_namespace_and_no_trial(stack_of_teams: EnforcedStack) -> None:
    own, other = (Tenant(team=each).runs_namespace for each in (RESEARCH, APPLIED))
    step = account(own, ACCOUNT)
    experiments = "experiments.kubeflow.org"
    for verb in ("create", "get", "watch", "delete"):
        assert stack_of_teams.may(step, verb, experiments, own), verb
        assert not stack_of_teams.may(step, verb, experiments, other), verb
    for resource in ("trials.kubeflow.org", "suggestions.kubeflow.org", "jobs.batch", "deployments.apps"):
        assert not stack_of_teams.may(step, "create", resource, own), resource


def test_katib_reads_no_secret_and_hands_out_no_right(stack_of_teams: EnforcedStack) -> None:
    for namespace in ("runs", RESEARCH, "models", tuning.NAMESPACE):
        for verb, resource in (
            ("get", "secrets"),
            ("create", "pods"),
            ("create", "serviceaccounts"),
            ("create", "rolebindings.rbac.authorization.k8s.io"),
        ):
            assert not stack_of_teams.may(_KATIB, verb, resource, namespace), f"{verb} {resource}"
