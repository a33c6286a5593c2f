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


def test_the_password_is_a_file_and_no_variable() -> None:
    deployment = deployed()
    (pod,) = deployment.pods().values()
    (container,) = pod["containers"]
    assert not [each for each in container["env"] if "valueFrom" in each]
    environment = {each["name"]: each["value"] for each in container["env"]}
    folder, _, key = environment["MLMD_MYSQL_PASSWORD_FILE"].rpartition("/")
    (mount,) = (each for each in container["volumeMounts"] if each["mountPath"] == folder)
    assert mount["readOnly"]
    (volume,) = (each for each in pod["volumes"] if each["name"] == mount["name"])
    secret = deployment.one("Secret")
    assert volume["secret"]["secretName"] == secret.inputs["metadata"]["name"]
    assert key in rules.secret_data(secret)


def test_a_store_without_clients_is_refused() -> None:
    with pytest.raises(ValueError, match="clients: none given"):
        dataclasses.replace(PLAIN, clients=())


def test_the_server_verifies_a_database_whose_authorities_are_known_and_that_alone() -> None:
    plain, verified = (
        deployed(database=dataclasses.replace(sample.mysql("metadb"), authorities=known))
        for known in ("", sample.AUTHORITIES)
    )
    assert not plain.of_type("ConfigMap")
    assert verified.one("ConfigMap").inputs["data"] == {"authorities.pem": sample.AUTHORITIES}
    (pod,) = verified.pods().values()
    environment = {each["name"]: each.get("value") for each in pod["containers"][0]["env"]}
    assert environment["MLMD_MYSQL_AUTHORITIES"] == "/authorities/authorities.pem"
    assert "/authorities" in [each["mountPath"] for each in pod["containers"][0]["volumeMounts"]]
