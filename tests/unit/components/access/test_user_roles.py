"""Roles of users: who gets which role where."""

import dataclasses

import pytest

from components.access.roles import OPEN, Access, Role
from components.access.user_roles import OPERATOR, Subject, UserRoles, UserRolesArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

_MODELS = Access(group="serving.kserve.io", resource="inferenceservices", subresource="predictions")


def deployed(*, preview: bool = False, **changes: object) -> Deployment[UserRoles]:
    def program() -> UserRoles:
        plain = UserRolesArgs(
            namespace="identity",
            routes=[
                _MODELS.route(host="MODEL-models.plinth.localhost", namespace="models"),
                OPEN.route(host="objects.plinth.localhost", namespace="storage"),
            ],
            namespaces={"models": "models"},
            bindings={
                "models": {
                    Role.MEMBER: (Subject(name="local:administrators"), Subject(name="a", namespace="n")),
                    Role.VIEWER: (),
                },
            },
        )
        return UserRoles("roles", dataclasses.replace(plain, **changes))  # pyright: ignore[reportArgumentType]

    return deploy(program, preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_it_meets_the_rules_of_every_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "UserRoles")
    rules.assert_labelled(deployment)


def test_roles_are_bound_where_something_is_published() -> None:
    (binding,) = deployed().of_type("RoleBinding")
    assert binding.inputs["metadata"]["namespace"] == "models"
    assert binding.inputs["roleRef"] == {
        "apiGroup": "rbac.authorization.k8s.io",
        "kind": "ClusterRole",
        "name": "plinth:member",
    }
    assert [each["kind"] for each in binding.inputs["subjects"]] == ["Group", "ServiceAccount"]


def test_the_operator_has_no_token_in_a_pod() -> None:
    account = deployed().one("ServiceAccount", "roles-operator").inputs
    assert account["metadata"]["name"] == OPERATOR
    assert account["automountServiceAccountToken"] is False


def test_a_route_from_an_unknown_namespace_is_refused() -> None:
    with pytest.raises(ValueError, match="no models, which a route names"):
        deployed(namespaces={})
