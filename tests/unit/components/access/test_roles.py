"""What hosts ask for, and what the platform's roles grant."""

import re

from components.access.roles import (
    MODELS,
    OPEN,
    PIPELINES,
    PLATFORM,
    ROLLOUT_GROUP,
    TRACKED,
    TRACKING,
    Access,
    Role,
    rules,
)


def test_a_host_without_a_group_verifies_requests_itself() -> None:
    assert OPEN.route(host="objects.plinth.localhost", namespace="storage") == {
        "host": "objects.plinth.localhost",
        "open": True,
        "shares": 8,
    }


def test_an_entry_has_what_is_given_and_nothing_empty() -> None:
    access = Access(group=TRACKING, resource="experiments", reads=("/search$",), localhost=("/",))
    assert access.route(host="mlflow.plinth.localhost", namespace="mlflow") == {
        "host": "mlflow.plinth.localhost",
        "namespace": "mlflow",
        "group": "mlflow.kubeflow.org",
        "resource": "experiments",
        "reads": ["/search$"],
        "localhost": ["/"],
        "shares": 1,
    }


def test_the_hosts_of_models_share_an_entry() -> None:
    access = Access(group=MODELS, resource="inferenceservices", subresource="predictions")
    entry = access.route(host="MODEL-models.plinth.localhost", namespace="models")
    assert entry["suffix"] == "-models.plinth.localhost"
    assert "host" not in entry


def _granted(role: Role) -> dict[str, set[str]]:
    return {
        f"{resource}.{group}": set(rule["verbs"])
        for rule in rules()[role]
        for group in rule["api_groups"]
        for resource in rule["resources"]
    }


def test_viewers_change_nothing_and_callers_only_call() -> None:
    assert all(verbs == {"get"} for verbs in _granted(Role.VIEWER).values())
    assert _granted(Role.CALLER) == {f"inferenceservices/predictions.{MODELS}": {"get", "create"}}


def test_members_may_use_every_part() -> None:
    everything = {"get", "create", "update", "delete"}
    granted = _granted(Role.MEMBER)
    assert granted[f"inferenceservices/predictions.{MODELS}"] == {"get", "create"}
    assert {granted[f"*.{group}"] == everything for group in (PIPELINES, PLATFORM)} == {True}
    assert {granted[f"{each}.{TRACKING}"] == everything for each in TRACKED} == {True}


def test_members_read_aliases_and_promoters_set_them() -> None:
    alias = f"registered-models/alias.{TRACKING}"
    assert _granted(Role.MEMBER)[alias] == {"get"}
    rollouts = f"modelrollouts.{ROLLOUT_GROUP}"
    assert _granted(Role.PROMOTER) == {
        alias: {"get", "create", "update", "delete"},
        rollouts: {"get", "list", "watch", "create", "patch", "approve"},
    }
    assert rollouts not in _granted(Role.MEMBER)


def test_every_call_of_mlflow_is_a_resource_that_members_may_use() -> None:
    from mlflow.server import app

    pattern = re.compile(r"^/(?:ajax-)?api/[0-9.]+/mlflow/([a-z-]+)")
    served = {found[1] for rule in app.url_map.iter_rules() if (found := pattern.match(rule.rule))}
    assert served == {*TRACKED}


def test_no_role_grants_what_a_kubernetes_api_serves() -> None:
    served = {"", "apps", "batch", "rbac.authorization.k8s.io", "argoproj.io"}
    for role in Role:
        for rule in rules()[role]:
            assert not served & set(rule["api_groups"])
            # KServe's group is real; its subresource is not.
            if rule["api_groups"] == [MODELS]:
                assert rule["resources"] == ["inferenceservices/predictions"]


def test_a_host_whose_group_was_forgotten_is_not_open() -> None:
    assert OPEN.open
    assert not Access(group="", resource="metrics").open
