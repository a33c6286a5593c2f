"""Katib is where the settings ask for it, in the namespaces of runs, on the stack's Postgres."""

from typing import Any

from infra.parts.tuning import TUNING
from infra.settings import stack_file
from tests.fixtures import platform


def test_a_stack_without_tuning_has_nothing_of_it() -> None:
    assert not TUNING.wanted(stack_file.settings("local"))
    assert not [each for each in platform.stack("local").registrations if "katib" in each.name]


def test_the_stacks_runs_and_each_teams_may_hold_experiments() -> None:
    found = platform.stack("full").of_type("plinth:index:ExperimentNamespace")
    assert {each.name for each in found} == {
        "experiments-runs",
        "experiments-research",
        "experiments-applied",
    }


def test_its_database_is_its_own_on_the_stacks_postgres() -> None:
    stack = platform.stack("full")
    spec: dict[str, Any] = stack.one("kubernetes:postgresql.cnpg.io/v1:Cluster").inputs["spec"]
    assert spec["managed"]["roles"] == [
        {
            "name": "katib",
            "ensure": "present",
            "login": True,
            "passwordSecret": {"name": "postgres-owner-katib"},
        }
    ]
    made = stack.one("kubernetes:postgresql.cnpg.io/v1:Database").inputs["spec"]
    assert made == {"name": "katib", "owner": "katib", "cluster": {"name": "postgres"}}
    policy = stack.one("NetworkPolicy", "postgres-policy").inputs["spec"]
    assert "'kubernetes.io/metadata.name': 'katib'" in str(policy["ingress"])


def test_the_expiry_of_its_certificate_is_watched() -> None:
    assert '"katib-webhooks"' in str(platform.stack("full").one("PrometheusRule").inputs["spec"])
