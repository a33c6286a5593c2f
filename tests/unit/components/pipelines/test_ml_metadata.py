import dataclasses

import pytest

from components.pipelines.ml_metadata import MlMetadata, MlMetadataArgs
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

PLAIN = MlMetadataArgs(
    namespace="kubeflow",
    image="plinth/mlmd:abc",
    database=sample.mysql("metadb"),
    clients=(network_policies.pods({"step": "true"}),),
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[MlMetadata]:
    args = dataclasses.replace(PLAIN, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: MlMetadata("metadata", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "MlMetadata")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_secret_in_clear(deployment, sample.MYSQL_PASSWORD)


def test_it_answers_under_the_name_that_drivers_look_for() -> None:
    deployment = deployed()
    service = deployment.one("Service").inputs
    assert service["metadata"]["name"] == "metadata-grpc-service"
    assert [port["port"] for port in service["spec"]["ports"]] == [8080]
    pod = deployment.one("Deployment").inputs["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"].items() <= pod.items()
    assert deployment.output("metadata") == {"address": "metadata-grpc-service.kubeflow:8080"}


def test_only_named_clients_come_in_and_only_the_database_is_reached() -> None:
    (policy,) = rules.policies(deployed(stores=(network_policies.in_namespace("kubeflow"),))).values()
    assert policy["ingress"] == [
        {
            "from": [{"podSelector": {"matchLabels": {"step": "true"}}}],
            "ports": [{"port": 8080, "protocol": "TCP"}],
        }
    ]
    assert [[port["port"] for port in rule["ports"]] for rule in policy["egress"]] == [[3306]]


def test_a_store_without_clients_is_refused() -> None:
    with pytest.raises(ValueError, match="clients: none given"):
        dataclasses.replace(PLAIN, clients=())


def test_the_server_encrypts_where_the_database_asks_for_it_and_there_alone() -> None:
    plain, encrypted = (
        {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
        for tls in (False, True)
        for pod in deployed(database=dataclasses.replace(sample.mysql("metadb"), tls=tls)).pods().values()
    )
    assert "MLMD_MYSQL_TLS" not in plain
    assert encrypted["MLMD_MYSQL_TLS"] == "true"
