"""Servers that the loss of a node stops."""

from copy import deepcopy
from dataclasses import replace
from typing import Any

import pytest

from infra.settings import reader
from simulation.aws.plan_rules import availability
from simulation.aws.planned import PlannedResource
from tests.fixtures import planned as fixtures
from tests.fixtures import platform
from tests.unit.infra import choices

PROD = choices.of_stack("prod")
LABELS = {"app": "server"}
ZONES = [{"topologyKey": "topology.kubernetes.io/zone", "labelSelector": {"matchLabels": LABELS}}]
DEPLOYMENT: dict[str, Any] = {
    "metadata": {"name": "server"},
    "spec": {
        "replicas": 2,
        "strategy": {"type": "RollingUpdate"},
        "template": {
            "metadata": {"labels": {**LABELS, "version": "1"}},
            "spec": {"serviceAccountName": "server", "topologySpreadConstraints": ZONES},
        },
    },
}


def planned(token: str, inputs: dict[str, Any], name: str = "x") -> PlannedResource:
    return replace(fixtures.planned(token, name), inputs=inputs)


SERVICE = planned("kubernetes:core/v1:Service", {"spec": {"selector": LABELS}})
BUDGET = planned(
    "kubernetes:policy/v1:PodDisruptionBudget",
    {"spec": {"maxUnavailable": 1, "selector": {"matchLabels": LABELS}}},
)
RIGHTS = (
    planned(
        "kubernetes:rbac.authorization.k8s.io/v1:Role",
        {"metadata": {"name": "elects"}, "rules": [{"resources": ["leases"], "verbs": ["get", "update"]}]},
    ),
    planned(
        "kubernetes:rbac.authorization.k8s.io/v1:RoleBinding",
        {"roleRef": {"name": "elects"}, "subjects": [{"kind": "ServiceAccount", "name": "server"}]},
    ),
)


def deployment(**changes: Any) -> PlannedResource:
    inputs = deepcopy(DEPLOYMENT)
    for path, value in changes.items():
        *parts, last = path.split("__")
        inner = inputs["spec"]
        for part in parts:
            inner = inner[part]
        inner[last] = value
    return planned("kubernetes:apps/v1:Deployment", inputs)


def reasons(*resources: PlannedResource) -> list[str]:
    return [reason for _, reason in availability.find_alone(resources)]


def test_a_server_of_several_spread_replicas_with_a_budget_passes() -> None:
    assert reasons(SERVICE, BUDGET, *RIGHTS, deployment()) == []


@pytest.mark.parametrize("needed", [(SERVICE,), RIGHTS])
def test_what_a_service_selects_or_holds_a_lease_is_not_alone(needed: tuple[PlannedResource, ...]) -> None:
    assert reasons(*needed, BUDGET, deployment(replicas=1)) == ["has one replica"]
    assert reasons(*needed, deployment()) == ["has no budget, so a drain may stop all replicas at once"]
    assert reasons(*needed, BUDGET, deployment(template__spec__topologySpreadConstraints=[])) == [
        "may have all replicas in one zone"
    ]
    assert reasons(*needed, BUDGET, deployment(strategy={"type": "Recreate"})) == [
        "stops every replica before it starts a new one"
    ]


def test_a_program_that_nobody_calls_may_be_alone() -> None:
    assert reasons(BUDGET, deployment(replicas=1)) == []


def test_production_has_nothing_alone_but_the_exceptions_and_each_of_those_is_needed() -> None:
    everything = reader.parse(choices.changed(PROD, "monitoring.grafanaImage", "example.org/grafana:1"))
    registered = platform.deployed(everything, stack_name="prod").registrations
    resources = [planned(each.type, each.inputs, each.name) for each in registered if each.custom]
    found = [f"{each.name} {reason}" for each, reason in availability.find_alone(resources)]
    assert found == []
    assert availability.unneeded_exceptions(resources) == set()
