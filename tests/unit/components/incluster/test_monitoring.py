"""Targets, alerts and panels of the stores in the cluster."""

from components.incluster import monitoring
from components.monitoring.timing import OPERATION


def test_the_tracking_database_and_its_operator_are_scraped() -> None:
    watch = monitoring.postgres_watch("databases", OPERATION)
    assert {each.name: each.namespace for each in watch.targets} == {
        "postgres": "databases",
        "postgres-operator": "cnpg-system",
    }
    (down,) = watch.rules["registry"]
    assert "or vector(0)" in down.expression


def test_panels_go_to_the_pages_of_those_who_use_the_store() -> None:
    added = [
        *monitoring.postgres_watch("databases", OPERATION).dashboards,
        *monitoring.object_store_watch("store", OPERATION).dashboards,
    ]
    assert [(each.name, each.title) for each in added] == [("registry", ""), ("pipelines", "")]


def test_errors_of_the_object_store_are_a_share_of_its_requests() -> None:
    down, errors = monitoring.object_store_watch("store", OPERATION).rules["object-store"]
    assert 'namespace="store"' in down.expression
    assert errors.expression.endswith("> 0.01")
