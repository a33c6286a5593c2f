"""What a stack's API server refuses of rollouts, and to whom: nobody approves what they have asked for."""

import secrets
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client.exceptions import ApiException

from components.access.login import ADMINISTRATORS
from components.pipelines.pipeline_steps import ACCOUNT
from infra.parts.tenant import Tenant
from tests.fixtures.admission_cases import Body, rollout
from tests.fixtures.enforced_stack import EnforcedStack, account
from tests.fixtures.front_door import APPLIED, RESEARCH
from workloads.contract import ROLLOUT_API, ROLLOUTS

_OWN, _RESEARCH, _APPLIED = Tenant(), Tenant(team=RESEARCH), Tenant(team=APPLIED)
_RESOURCE = f"{ROLLOUTS}.{ROLLOUT_API[0]}"
_STEP = account(_OWN.runs_namespace, ACCOUNT)
_ANN, _BEN, _CLEO = "local:ann", "local:ben", "local:cleo"
_PROMOTERS = f"local:{ADMINISTRATORS}"
_NAMESPACE = _OWN.models_namespace
_FIXED = (
    "modelName, version, digest, reason, requestedBy, steps, shadowRows, minimumAgreement, maxErrorRatio, "
    "experiment cannot be changed"
)
_EXPERIMENT = {"metric": "accuracy", "minimumEffect": 0.05}


def _rollouts(stack: EnforcedStack, user: str = "", group: str = "") -> Any:
    return client.CustomObjectsApi(stack.connect(user, group=group))


def _place(namespace: str = _NAMESPACE) -> tuple[str, str, str, str]:
    return (*ROLLOUT_API, namespace, ROLLOUTS)


@contextmanager
def _asked_for(stack: EnforcedStack, user: str = "", group: str = "", **options: Any) -> Generator[Body]:
    """Ask for a rollout in somebody's name; without one, the administrator's."""
    body = rollout(name=f"r-{secrets.token_hex(3)}", **options)
    made = _rollouts(stack, user, group).create_namespaced_custom_object(*_place(), body)
    try:
        yield made
    finally:
        _rollouts(stack).delete_namespaced_custom_object(*_place(), made["metadata"]["name"])


def _change(stack: EnforcedStack, asked: Body, change: Body, user: str = "", group: str = "") -> Body:
    """Change the spec of a rollout as `kubectl patch` does."""
    name = asked["metadata"]["name"]
    api = _rollouts(stack, user, group)
    return api.patch_namespaced_custom_object(*_place(), name, {"spec": change})["spec"]


def _refusal(error: pytest.ExceptionInfo[ApiException]) -> str:
    assert error.value.status in {403, 422}
    return str(error.value.body)


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"steps": [{"weight": 50}, {"weight": 5}]}, "the weights are out of order"),
        ({"steps": [{"weight": 5}, {"weight": 5}]}, "two steps have the same weight"),
        ({"steps": [{"weight": 0}]}, "spec.steps[0].weight in body should be greater than or equal to 1"),
        ({"steps": [{"weight": 100}]}, "spec.steps[0].weight in body should be less than or equal to 99"),
        ({"steps": [{"weight": 5, "seconds": -1}]}, "should be greater than or equal to 0"),
        ({"maxErrorRatio": 0.9}, "should be less than or equal to 0.5"),
        ({"deadlineSeconds": 1}, "should be greater than or equal to 10"),
        ({"experiment": {"metric": "accuracy"}}, "spec.experiment.minimumEffect: Required value"),
        ({"experiment": {**_EXPERIMENT, "minimumEffect": 0}}, "should be greater than 0"),
        ({"experiment": {**_EXPERIMENT, "minimumEffect": 1}}, "minimumEffect is no difference of accuracies"),
        ({"experiment": {**_EXPERIMENT, "metric": "f1"}}, 'Unsupported value: \\"f1'),
        ({"experiment": {**_EXPERIMENT, "share": 100}}, "should be less than or equal to 99"),
        ({"version": "v2"}, "spec.version in body should match"),
        ({"digest": "0" * 63}, "spec.digest in body should match"),
        ({"modelName": "Wine"}, "spec.modelName in body should match"),
    ],
)
def test_a_rollout_that_makes_no_sense_is_refused_with_its_reason(
    stack_of_teams: EnforcedStack, options: Body, reason: str
) -> None:
    with pytest.raises(ApiException) as refused:
        _rollouts(stack_of_teams).create_namespaced_custom_object(
            *_place(), rollout(**options), dry_run="All"
        )
    assert reason in _refusal(refused)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"steps": []},
        {"steps": [{"weight": 1}, {"weight": 99, "seconds": 60}]},
        {"approval": {"required": True}},
        {"experiment": _EXPERIMENT},
        {"experiment": {"metric": "squaredError", "minimumEffect": 30, "onNoDifference": "promote"}},
    ],
)
def test_an_ordinary_rollout_is_admitted(stack_of_teams: EnforcedStack, options: Body) -> None:
    _rollouts(stack_of_teams).create_namespaced_custom_object(*_place(), rollout(**options), dry_run="All")


@pytest.mark.parametrize(
    "change",
    [
        {"modelName": "other"},
        {"version": "3"},
        {"digest": "1" * 64},
        {"reason": "another"},
        {"requestedBy": "somebody"},
        {"requestedBy": None},
        {"steps": [{"weight": 50}]},
        {"steps": None},
        {"maxErrorRatio": 0.5},
        {"experiment": _EXPERIMENT},
    ],
)
def test_what_is_rolled_out_and_how_cannot_be_changed_under_way(
    stack_of_teams: EnforcedStack, change: Body
) -> None:
    with _asked_for(stack_of_teams, steps=[{"weight": 5}]) as asked:
        with pytest.raises(ApiException) as refused:
            _change(stack_of_teams, asked, change)
        assert _FIXED in _refusal(refused)


def test_its_time_can_be_changed_and_an_abort_stays(stack_of_teams: EnforcedStack) -> None:
    with _asked_for(stack_of_teams) as asked:
        assert _change(stack_of_teams, asked, {"deadlineSeconds": 60})["deadlineSeconds"] == 60
        assert _change(stack_of_teams, asked, {"bakeSeconds": 60})["bakeSeconds"] == 60
        assert _change(stack_of_teams, asked, {"abort": False})["abort"] is False
        assert _change(stack_of_teams, asked, {"abort": True})["abort"] is True
        for taken_back in (False, None):
            with pytest.raises(ApiException) as refused:
                _change(stack_of_teams, asked, {"abort": taken_back})
            assert "abort cannot be taken back: ask for another rollout" in _refusal(refused)


def test_who_asks_for_approval_does_not_take_that_back(stack_of_teams: EnforcedStack) -> None:
    with _asked_for(stack_of_teams, approval={"required": True}) as asked:
        for change in (
            {"approval": {"required": False}},
            {"approval": {"required": None}},
            {"approval": None},
        ):
            with pytest.raises(ApiException) as refused:
                _change(stack_of_teams, asked, change)
            assert "approval.required cannot be taken back" in _refusal(refused)


@pytest.mark.parametrize("sent", [{}, {"requestedBy": _BEN}], ids=["nothing", "another's name"])
def test_the_api_server_writes_who_asks(stack_of_teams: EnforcedStack, sent: Body) -> None:
    with _asked_for(stack_of_teams, _ANN, _PROMOTERS, **sent) as asked:
        assert asked["spec"]["requestedBy"] == _ANN
    with _asked_for(stack_of_teams, _STEP, **sent) as asked:
        assert asked["spec"]["requestedBy"] == _STEP


def test_another_promoter_approves(stack_of_teams: EnforcedStack) -> None:
    approval = {"approval": {"by": _BEN}}
    with _asked_for(stack_of_teams, _ANN, _PROMOTERS, approval={"required": True}) as asked:
        spec = _change(stack_of_teams, asked, approval, _BEN, _PROMOTERS)
        assert spec["approval"] == {"required": True, "by": _BEN}
        assert spec["requestedBy"] == _ANN
    with _asked_for(stack_of_teams, _STEP) as asked:
        assert _change(stack_of_teams, asked, approval, _BEN, _PROMOTERS)["approval"] == {"by": _BEN}


@pytest.fixture
def writer(stack_of_teams: EnforcedStack) -> Generator[str]:
    """Return a user who may change rollouts and has no right to approve one."""
    rbac: Any = client.RbacAuthorizationV1Api(stack_of_teams.connect())
    name = f"writer-{secrets.token_hex(3)}"
    rule = {"apiGroups": [ROLLOUT_API[0]], "resources": [ROLLOUTS], "verbs": ["get", "create", "patch"]}
    group = "rbac.authorization.k8s.io"
    rbac.create_namespaced_role(_NAMESPACE, {"metadata": {"name": name}, "rules": [rule]})
    try:
        rbac.create_namespaced_role_binding(
            _NAMESPACE,
            {
                "metadata": {"name": name},
                "roleRef": {"apiGroup": group, "kind": "Role", "name": name},
                "subjects": [{"apiGroup": group, "kind": "User", "name": _CLEO}],
            },
        )
        yield _CLEO
        rbac.delete_namespaced_role_binding(name, _NAMESPACE)
    finally:
        rbac.delete_namespaced_role(name, _NAMESPACE)


def test_nobody_approves_what_they_have_asked_for(stack_of_teams: EnforcedStack) -> None:
    with _asked_for(stack_of_teams, _ANN, _PROMOTERS) as asked:
        with pytest.raises(ApiException) as refused:
            _change(stack_of_teams, asked, {"approval": {"by": _ANN}}, _ANN, _PROMOTERS)
        assert "somebody else than who has asked for the rollout approves it" in _refusal(refused)


def test_nobody_approves_in_anothers_name_and_none_takes_anothers_approval_away(
    stack_of_teams: EnforcedStack,
) -> None:
    with _asked_for(stack_of_teams, _ANN, _PROMOTERS) as asked:
        with pytest.raises(ApiException) as refused:
            _change(stack_of_teams, asked, {"approval": {"by": _BEN}}, _ANN, _PROMOTERS)
        assert "everybody approves in their own name alone" in _refusal(refused)
        _change(stack_of_teams, asked, {"approval": {"by": _BEN}}, _BEN, _PROMOTERS)
        with pytest.raises(ApiException) as refused:
            _change(stack_of_teams, asked, {"approval": None}, _ANN, _PROMOTERS)
        assert "everybody approves in their own name alone" in _refusal(refused)


def test_a_right_to_change_a_rollout_is_none_to_approve_it(
    stack_of_teams: EnforcedStack, writer: str
) -> None:
    with _asked_for(stack_of_teams, _ANN, _PROMOTERS) as asked:
        with pytest.raises(ApiException) as refused:
            _change(stack_of_teams, asked, {"approval": {"by": writer}}, writer)
        assert f"RBAC does not grant the verb approve on {ROLLOUTS}" in _refusal(refused)
        # What has nothing to do with approval, that right is enough for.
        assert _change(stack_of_teams, asked, {"abort": True}, writer)["abort"] is True


@pytest.mark.parametrize("by", [_ANN, _BEN])
def test_a_new_rollout_has_been_approved_by_nobody(stack_of_teams: EnforcedStack, by: str) -> None:
    with (
        pytest.raises(ApiException) as refused,
        _asked_for(stack_of_teams, _ANN, _PROMOTERS, approval={"by": by}),
    ):
        pass
    assert "a new rollout has been approved by nobody yet" in _refusal(refused)


def test_a_step_asks_for_rollouts_of_its_own_team_and_decides_none(stack_of_teams: EnforcedStack) -> None:
    for tenant in (_OWN, _RESEARCH, _APPLIED):
        step = account(tenant.runs_namespace, ACCOUNT)
        for verb in ("get", "create"):
            assert stack_of_teams.may(step, verb, _RESOURCE, tenant.models_namespace), f"{verb} {tenant.team}"
        for verb in ("update", "patch", "delete", "approve"):
            assert not stack_of_teams.may(step, verb, _RESOURCE, tenant.models_namespace), verb
        for other in {_OWN, _RESEARCH, _APPLIED} - {tenant}:
            for verb in ("get", "create", "patch"):
                assert not stack_of_teams.may(step, verb, _RESOURCE, other.models_namespace), other.team


@pytest.mark.parametrize(("user", "group"), [(_ANN, _PROMOTERS), (_STEP, "")])
def test_who_asks_for_a_rollout_does_not_write_how_far_it_is(
    stack_of_teams: EnforcedStack, user: str, group: str
) -> None:
    with _asked_for(stack_of_teams, user, group) as asked:
        change = (*_place(), asked["metadata"]["name"], {"status": {"phase": "Promoted"}})
        with pytest.raises(ApiException) as refused:
            _rollouts(stack_of_teams, user, group).patch_namespaced_custom_object_status(*change)
        assert "modelrollouts/status" in _refusal(refused)
        # A status that is sent with the rest is left out.
        assert "status" not in _rollouts(stack_of_teams).patch_namespaced_custom_object(*change)
