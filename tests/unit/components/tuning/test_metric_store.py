import dataclasses

import pytest

from components.connections import PostgresConnection
from components.shapes import network_policies
from components.tuning import metric_store
from components.tuning.metric_store import MetricStore, MetricStoreArgs
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from workloads.contract import METRIC_STORE

PLAIN = MetricStoreArgs(
    namespace="katib",
    image="ghcr.io/kubeflow/katib/katib-db-manager:v0",
    database=PostgresConnection(
        host="postgres-rw.databases",
        port=5432,
        database="katib",
        username="katib",
        password="katibs-password",
    ),
    clients=(network_policies.pods({"trial": "true"}, "runs"),),
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[MetricStore]:
    args = dataclasses.replace(PLAIN, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: MetricStore("katib-metrics", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "MetricStore")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_secret_in_clear(deployment, "katibs-password")


def test_it_answers_where_trials_and_the_controller_look_for_it() -> None:
    deployment = deployed()
    service = deployment.one("Service").inputs
    found = f"{service['metadata']['name']}.katib:{service['spec']['ports'][0]['port']}"
    assert found == METRIC_STORE
    pod = deployment.one("Deployment").inputs["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= pod.items()
    assert metric_store.POD_LABELS.items() <= pod.items()


def test_only_trials_and_the_controller_come_in_and_only_the_database_is_reached() -> None:
    (policy,) = rules.policies(deployed(stores=(network_policies.in_namespace("databases"),))).values()
    ((controller, trials),) = [rule["from"] for rule in policy["ingress"]]
    assert controller["podSelector"]["matchLabels"]["app.kubernetes.io/component"] == "controller"
    assert trials["podSelector"] == {"matchLabels": {"trial": "true"}}
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[5432]]


def test_the_way_to_the_database_is_encrypted() -> None:
    (pod,) = deployed().pods().values()
    (container,) = pod["containers"]
    environment = {each["name"]: each.get("value") for each in container["env"]}
    assert environment["KATIB_POSTGRESQL_SSL_MODE"] == "require"
    assert environment["DB_NAME"] == "postgres"
    assert environment["DB_PASSWORD"] is None
