import dataclasses
import json

import pytest

from components.pipelines.mysql_text import MysqlText, MysqlTextArgs, TextDatabase
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

ARGS = MysqlTextArgs(
    namespace="kubeflow",
    image="plinth/mariadb:abc",
    databases=(
        TextDatabase(connection=sample.mysql("mlpipeline")),
        TextDatabase(connection=sample.mysql("metadb"), mislabelled=True),
    ),
    stores=({"ip_block": {"cidr": "10.0.0.0/16"}},),
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[MysqlText]:
    args = dataclasses.replace(ARGS, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: MysqlText("text", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "MysqlText")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_secret_in_clear(deployment, sample.MYSQL_PASSWORD)


def test_the_job_converts_each_database_as_its_owner() -> None:
    (container,) = deployed().pods()["text-job"]["containers"]
    given = {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}
    assert given["CHARACTER_SET"] == "utf8mb4"
    assert given["COLLATION"] == "utf8mb4_uca1400_as_ci"
    databases = json.loads(given["DATABASES"])
    assert [(each["client"]["database"], each["mislabelled"]) for each in databases] == [
        ("mlpipeline", False),
        ("metadb", True),
    ]
    assert [each["client"]["authorities"] for each in databases] == ["", ""]
    for each in databases:
        assert each["client"]["password_file"] == f"/passwords/{each['client']['database']}"
    pod = deployed().pods()["text-job"]
    (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == "/passwords"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["secret"]["secretName"] == "text-passwords"
    assert {each["path"] for each in volume["secret"]["items"]} == {"mlpipeline", "metadb"}


def test_the_job_reaches_the_server_and_nothing_else() -> None:
    deployment = deployed()
    (policy,) = rules.policies(deployment).values()
    assert policy["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/16"}}], "ports": [{"port": 3306, "protocol": "TCP"}]}
    ]
    assert "text-policy" in rules.before(deployment, deployment.one("Job"))


def test_another_database_is_another_job_and_another_password_is_not() -> None:
    connection = dataclasses.replace(sample.mysql("mlpipeline"), password="another")
    rotated = (TextDatabase(connection=connection), ARGS.databases[1])
    first, second, third = (
        each.one("Job").inputs["metadata"]["name"]
        for each in (deployed(), deployed(databases=rotated), deployed(databases=ARGS.databases[:1]))
    )
    assert first == second
    assert first != third


def test_consumers_get_the_databases_after_the_job() -> None:
    connections = deployed().result.connections
    assert connections.keys() == {"mlpipeline", "metadb"}
    assert connections["metadb"].host is connections["mlpipeline"].host
    assert deployed().output("text") == {"host": "mysql.kubeflow"}


def test_the_job_and_consumers_verify_a_server_whose_authorities_are_known() -> None:
    databases = tuple(
        dataclasses.replace(
            each, connection=dataclasses.replace(each.connection, authorities=sample.AUTHORITIES)
        )
        for each in ARGS.databases
    )
    deployment = deployed(databases=databases)
    (container,) = deployment.pods()["text-job"]["containers"]
    (given,) = [each["value"] for each in container["env"] if each["name"] == "DATABASES"]
    assert {each["client"]["authorities"] for each in json.loads(given)} == {"/program/authorities.pem"}
    assert deployment.one("ConfigMap").inputs["data"]["authorities.pem"] == sample.AUTHORITIES
    assert deployment.result.connections["metadb"].authorities == sample.AUTHORITIES


def test_no_database_is_refused() -> None:
    with pytest.raises(ValueError, match="databases: none given"):
        deployed(databases=())
