import dataclasses

import pytest

from components.connections import MysqlConnection
from components.pipelines.mysql_accounts import MysqlAccounts, MysqlAccountsArgs, statements
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules, sample

SERVER = MysqlConnection(
    host="db.eu-central-1.rds.amazonaws.com",
    port=3306,
    database="mysql",
    username="plinth",
    password="administrator-password",
    authorities=sample.AUTHORITIES,
)
ARGS = MysqlAccountsArgs(
    namespace="kubeflow",
    image="plinth/mariadb:abc",
    server=SERVER,
    databases={"mlpipeline": "kfp", "metadb": "mlmd"},
    passwords={"kfp": "kfp-password", "mlmd": "mlmd-password"},
    stores=({"ip_block": {"cidr": "10.0.0.0/16"}},),
)


def deployed(*, preview: bool = False, **changes: object) -> Deployment[MysqlAccounts]:
    args = dataclasses.replace(ARGS, **changes)  # pyright: ignore[reportArgumentType]
    return deploy(lambda: MysqlAccounts("accounts", args), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "MysqlAccounts")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_secret_in_clear(deployment, "administrator-password", "kfp-password", "mlmd-password")


def test_each_account_owns_its_database_alone() -> None:
    sql = statements({"mlpipeline": "kfp", "metadb": "mlmd"}, {"kfp": "one", "mlmd": "two"})
    grants = {line.split(" ON ")[1] for line in sql if line.startswith("GRANT")}
    assert grants == {"metadb.* TO 'mlmd'@'%';", "mlpipeline.* TO 'kfp'@'%';"}


def test_a_new_database_holds_all_of_unicode() -> None:
    sql = statements({"mlpipeline": "kfp"}, {"kfp": "one"})
    assert (
        "CREATE DATABASE IF NOT EXISTS mlpipeline CHARACTER SET utf8mb4 COLLATE utf8mb4_uca1400_as_ci;" in sql
    )


def test_no_right_is_granted_that_the_administrator_of_a_managed_server_lacks() -> None:
    for line in statements({"mlpipeline": "kfp"}, {"kfp": "one"}):
        assert "ALL" not in line
        assert "GRANT OPTION" not in line


def test_the_job_reads_password_and_statements_from_files() -> None:
    pod = deployed().pods()["accounts-job"]
    (container,) = pod["containers"]
    given = {each["name"]: each.get("value", each.get("valueFrom")) for each in container["env"]}
    assert given["DATABASE_HOST"] == SERVER.host
    assert given["DATABASE_AUTHORITIES"] == "/program/authorities.pem"
    program = deployed().one("ConfigMap").inputs["data"]
    assert program["authorities.pem"] == sample.AUTHORITIES
    (mount,) = [each for each in container["volumeMounts"] if each["mountPath"] == "/accounts"]
    (volume,) = [each for each in pod["volumes"] if each["name"] == mount["name"]]
    assert volume["secret"]["secretName"] == "accounts-statements"
    assert {f"/accounts/{each['path']}" for each in volume["secret"]["items"]} == {
        given["PASSWORD_FILE"],
        given["STATEMENTS_FILE"],
    }


def test_the_job_reaches_the_server_and_nothing_else() -> None:
    deployment = deployed()
    (policy,) = rules.policies(deployment).values()
    assert policy["egress"] == [
        {"to": [{"ipBlock": {"cidr": "10.0.0.0/16"}}], "ports": [{"port": 3306, "protocol": "TCP"}]}
    ]
    labels = deployment.one("Job").inputs["spec"]["template"]["metadata"]["labels"]
    assert policy["podSelector"]["matchLabels"].items() <= labels.items()
    assert "accounts-policy" in rules.before(deployment, deployment.one("Job"))


def test_another_database_is_another_job_and_another_password_is_not() -> None:
    more = deployed(databases={**ARGS.databases, "third": "kfp"})
    rotated = deployed(passwords={**ARGS.passwords, "kfp": "another"})
    first, second, third = (
        each.one("Job").inputs["metadata"]["name"] for each in (deployed(), more, rotated)
    )
    assert first != second
    assert first == third


def test_consumers_get_their_own_account_on_the_server_with_its_authorities() -> None:
    connections = deployed().result.connections
    assert connections.keys() == {"mlpipeline", "metadb"}
    assert connections["mlpipeline"].username == "kfp"
    assert connections["metadb"].username == "mlmd"
    assert all(each.port == 3306 for each in connections.values())
    assert all(each.authorities == sample.AUTHORITIES for each in connections.values())
    assert deployed().output("accounts") == {"host": SERVER.host}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"databases": {}}, "passwords: none for any database"),
        ({"databases": {"Upper": "kfp"}}, "databases: 'Upper'"),
        ({"databases": {"mlpipeline": "nobody"}}, "passwords: none for nobody"),
        ({"passwords": {"plinth": "a", "kfp": "b", "mlmd": "c"}}, "'plinth' administers the server"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]
