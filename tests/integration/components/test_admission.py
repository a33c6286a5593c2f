"""What a stack's API server refuses, and to whom: pods of runs, models, and everything of another team."""

import json
import secrets
from collections.abc import Iterator
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.pipelines.pipeline_steps import ACCOUNT
from infra.parts.tenant import Tenant
from tests.fixtures.admission_cases import (
    ADMITTED_PODS,
    ADMITTED_SERVICES,
    PLACE,
    REFUSED_PODS,
    REFUSED_SERVICES,
    SERVICE_API,
    Body,
    pod,
    service,
)
from tests.fixtures.enforced_stack import EnforcedStack, account
from tests.fixtures.front_door import APPLIED, RESEARCH
from workloads.contract import OBJECT_STORE_SECRET, TRACKING_BUCKET

_OWN, _RESEARCH, _APPLIED = Tenant(), Tenant(team=RESEARCH), Tenant(team=APPLIED)
_TENANTS = (_OWN, _RESEARCH, _APPLIED)
_STEP = account(_RESEARCH.runs_namespace, ACCOUNT)
_ROUTES = "httproutes.gateway.networking.k8s.io"


def _run(stack: EnforcedStack, tenant: Tenant, body: Body, *, dry_run: bool = True) -> Any:
    """Create the pod of a run as the tenant's workflow controller does."""
    core: Any = client.CoreV1Api(stack.connect(account(tenant.servers_namespace, "argo")))
    options = {"dry_run": "All"} if dry_run else {}
    return core.create_namespaced_pod(tenant.runs_namespace, body, **options)


def _serve(stack: EnforcedStack, tenant: Tenant, body: Body, *, dry_run: bool = True) -> None:
    """Create an inference service as a step of the tenant does."""
    connected = stack.connect(account(tenant.runs_namespace, ACCOUNT))
    place = (*SERVICE_API, tenant.models_namespace, "inferenceservices")
    options = {"dry_run": "All"} if dry_run else {}
    if tenant.team:
        own = f"s3://{TRACKING_BUCKET}/{tenant.artifacts_folder}"
        body = json.loads(json.dumps(body).replace(PLACE, own))
    client.CustomObjectsApi(connected).create_namespaced_custom_object(*place, body, **options)


@pytest.mark.parametrize("tenant", _TENANTS, ids=lambda each: each.team or "stack")
@pytest.mark.parametrize(("body", "reason"), REFUSED_PODS)
def test_a_pod_of_a_run_is_refused_with_its_reason(
    stack_of_teams: EnforcedStack, tenant: Tenant, body: Body, reason: str
) -> None:
    with pytest.raises(ApiException) as refused:
        _run(stack_of_teams, tenant, body)
    assert refused.value.status in {403, 422}
    assert reason in str(refused.value.body)


@pytest.mark.parametrize("tenant", _TENANTS, ids=lambda each: each.team or "stack")
@pytest.mark.parametrize("body", ADMITTED_PODS)
def test_an_ordinary_pod_of_a_run_is_admitted(
    stack_of_teams: EnforcedStack, tenant: Tenant, body: Body
) -> None:
    _run(stack_of_teams, tenant, body)


def test_a_controller_starts_pods_in_its_own_teams_namespace_alone(stack_of_teams: EnforcedStack) -> None:
    core: Any = client.CoreV1Api(stack_of_teams.connect(account(_RESEARCH.servers_namespace, "argo")))
    for other in (_OWN, _APPLIED):
        for namespace in (other.runs_namespace, other.servers_namespace):
            with pytest.raises(ApiException) as refused:
                core.create_namespaced_pod(namespace, pod(), dry_run="All")
            assert refused.value.status == 403, namespace


@pytest.mark.parametrize("tenant", _TENANTS, ids=lambda each: each.team or "stack")
@pytest.mark.parametrize(("body", "reason"), REFUSED_SERVICES)
def test_a_model_is_refused_with_its_reason(
    stack_of_teams: EnforcedStack, tenant: Tenant, body: Body, reason: str
) -> None:
    with pytest.raises(ApiException) as refused:
        _serve(stack_of_teams, tenant, body)
    assert reason in str(refused.value.body)


@pytest.mark.parametrize("tenant", _TENANTS, ids=lambda each: each.team or "stack")
@pytest.mark.parametrize("body", ADMITTED_SERVICES)
def test_an_ordinary_model_is_admitted(stack_of_teams: EnforcedStack, tenant: Tenant, body: Body) -> None:
    _serve(stack_of_teams, tenant, body)


@pytest.mark.parametrize("name", ["pipelines", "mlflow"])
def test_no_model_of_a_team_has_the_host_of_its_servers(stack_of_teams: EnforcedStack, name: str) -> None:
    with pytest.raises(ApiException, match="no model is called pipelines, mlflow"):
        _serve(stack_of_teams, _RESEARCH, service(name=name))
    # Nothing of the stack itself is at pipelines-models.
    _serve(stack_of_teams, _OWN, service(name=name))


def _forbidden() -> Iterator[tuple[str, str, str, str]]:
    """Yield what a step of the team `research` may not do: verb, resource, namespace, name."""
    others = [each for other in (_OWN, _APPLIED) for each in (other.runs_namespace, other.servers_namespace)]
    for namespace in (*others, _RESEARCH.servers_namespace, "models", "kserve", "gateway", "identity"):
        for verb, resource in (
            ("list", "secrets"),
            ("get", "secrets"),
            ("list", "pods"),
            ("get", "pods/log"),
            ("create", "pods"),
            ("create", "pods/exec"),
            ("create", "inferenceservices.serving.kserve.io"),
            ("create", "workflows.argoproj.io"),
            ("create", _ROUTES),
        ):
            yield verb, resource, namespace, ""
    for verb, resource in (
        ("list", "secrets"),
        ("create", "pods"),
        ("create", "pods/exec"),
        ("create", "pods/ephemeralcontainers"),
        ("create", "pods/portforward"),
        ("create", "serviceaccounts"),
        ("create", "serviceaccounts/token"),
        ("create", "rolebindings.rbac.authorization.k8s.io"),
        ("delete", "networkpolicies.networking.k8s.io"),
        ("patch", "resourcequotas"),
        # A workflow of one's own making would be a pod of one's own making.
        ("create", "workflows.argoproj.io"),
        ("patch", "workflows.argoproj.io"),
        # A route could claim the host of another team.
        ("create", _ROUTES),
        ("patch", _ROUTES),
    ):
        yield verb, resource, _RESEARCH.runs_namespace, ""
    yield "get", "secrets", _RESEARCH.runs_namespace, "model-storage"
    for resource in ("users", "groups", "serviceaccounts"):
        yield "impersonate", resource, "", ""
    yield "patch", "namespaces", "", _RESEARCH.runs_namespace


def test_a_step_may_do_nothing_that_is_not_its_own(stack_of_teams: EnforcedStack) -> None:
    wrong = [each for each in _forbidden() if stack_of_teams.may(_STEP, *each)]
    assert wrong == []


def test_a_step_may_do_what_runs_need(stack_of_teams: EnforcedStack) -> None:
    own = _RESEARCH.runs_namespace
    for verb, resource, name in (
        ("get", "pods", ""),
        ("get", "secrets", OBJECT_STORE_SECRET),
        ("create", "persistentvolumeclaims", ""),
        ("create", "workflowtaskresults.argoproj.io", ""),
        ("create", "inferenceservices.serving.kserve.io", ""),
    ):
        assert stack_of_teams.may(_STEP, verb, resource, own, name), f"{verb} {resource}"


def test_no_account_of_a_team_may_do_more_in_the_namespaces_of_others_than_a_stranger(
    stack_of_teams: EnforcedStack,
) -> None:
    core: Any = client.CoreV1Api(stack_of_teams.connect())
    own = (_RESEARCH.runs_namespace, _RESEARCH.servers_namespace)
    accounts = [
        account(namespace, each.metadata.name)
        for namespace in own
        for each in core.list_namespaced_service_account(namespace).items
    ]
    assert len(accounts) >= 6
    # What the API server lets every account ask, such as what it may do.
    nothing = _rules(stack_of_teams, account("default", "stranger"), "default")
    assert nothing
    for other in (_OWN, _APPLIED):
        for namespace in (other.runs_namespace, other.servers_namespace, other.models_namespace):
            for user in accounts:
                assert _rules(stack_of_teams, user, namespace) == nothing, f"{user} in {namespace}"
    assert _rules(stack_of_teams, _STEP, _RESEARCH.runs_namespace) > nothing


def _rules(stack: EnforcedStack, user: str, namespace: str) -> set[tuple[str, ...]]:
    """Return what a user may do in a namespace: one entry for each verb on each resource."""
    authorization: Any = client.AuthorizationV1Api(stack.connect(user))
    review = authorization.create_self_subject_rules_review({"spec": {"namespace": namespace}})
    return {
        (verb, group, resource, *(rule.resource_names or ()))
        for rule in review.status.resource_rules
        for verb in rule.verbs
        for group in rule.api_groups
        for resource in rule.resources
    }


def test_a_full_quota_refuses_in_one_line_and_the_other_team_goes_on(stack_of_teams: EnforcedStack) -> None:
    stack, made = stack_of_teams, list[tuple[str, str]]()
    core: Any = client.CoreV1Api(stack.connect())

    def run(tenant: Tenant) -> None:
        created = _run(stack, tenant, pod(), dry_run=False)
        made.append((tenant.runs_namespace, created.metadata.name))

    try:
        for _ in range(3):
            run(_RESEARCH)
        with pytest.raises(ApiException) as refused:
            run(_RESEARCH)
        assert refused.value.status == 403
        assert "exceeded quota: team" in str(refused.value.body)
        for _ in range(4):
            run(_APPLIED)
    finally:
        for namespace, name in made:
            core.delete_namespaced_pod(name, namespace, grace_period_seconds=0)


def test_a_team_has_as_many_models_as_its_quota(stack_of_teams: EnforcedStack) -> None:
    stack, names = stack_of_teams, [f"m-{secrets.token_hex(3)}" for _ in range(2)]
    objects: Any = client.CustomObjectsApi(stack.connect())
    _serve(stack, _RESEARCH, service(name=names[0]), dry_run=False)
    try:
        with pytest.raises(ApiException, match="exceeded quota: team"):
            _serve(stack, _RESEARCH, service(name=names[1]))
        _serve(stack, _APPLIED, service(name=names[1]))
    finally:
        place = (*SERVICE_API, _RESEARCH.models_namespace, "inferenceservices", names[0])
        objects.delete_namespaced_custom_object(*place)
