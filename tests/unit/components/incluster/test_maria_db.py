import dataclasses

import pytest

from components.incluster.maria_db import MariaDb, MariaDbArgs, init_sql
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

ARGS = MariaDbArgs(
    namespace="kubeflow",
    image="plinth/mariadb:abc",
    databases={"mlpipeline": "kfp", "metadb": "mlmd"},
    passwords={"kfp": "kfp-password", "mlmd": "mlmd-password"},
    clients=(network_policies.pods({"app": "ml-pipeline"}),),
)


def deployed(*, preview: bool = False) -> Deployment[MariaDb]:
    return deploy(lambda: MariaDb("mariadb", ARGS), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "MariaDb")
    rules.assert_labelled(deployment)
    rules.assert_restricted(deployment)
    rules.assert_no_secret_in_clear(deployment, "kfp-password", "mlmd-password")


def test_each_account_owns_its_database_alone() -> None:
    sql = init_sql({"mlpipeline": "kfp", "metadb": "mlmd"}, {"kfp": "one", "mlmd": "two"}).splitlines()
    grants = [line for line in sql if line.startswith("GRANT")]
    assert grants == [
        "GRANT ALL PRIVILEGES ON metadb.* TO 'mlmd'@'%';",
        "GRANT ALL PRIVILEGES ON mlpipeline.* TO 'kfp'@'%';",
    ]
    assert "ALTER USER 'kfp'@'%' IDENTIFIED BY 'one';" in sql, "a changed password must take effect"


def test_the_statements_can_run_at_every_start() -> None:
    for line in init_sql({"a": "b"}, {"b": "c"}).splitlines():
        assert line.startswith(("ALTER USER", "GRANT")) or "IF NOT EXISTS" in line


@pytest.mark.parametrize("password", ["it's", "back\\slash"])
def test_a_password_that_breaks_out_of_quotes_is_refused(password: str) -> None:
    with pytest.raises(ValueError, match="passwords: that of kfp") as raised:
        init_sql({"a": "kfp"}, {"kfp": password})
    assert password not in str(raised.value)


def test_the_service_has_the_name_that_pipelines_look_for() -> None:
    deployment = deployed()
    service = deployment.one("Service")
    assert service.inputs["metadata"]["name"] == "mysql"
    labels = deployment.one("Deployment").inputs["spec"]["template"]["metadata"]["labels"]
    assert service.inputs["spec"]["selector"].items() <= labels.items()
    assert deployment.output("mariadb") == {"host": "mysql.kubeflow"}


def test_one_server_writes_the_volume() -> None:
    spec = deployed().one("Deployment").inputs["spec"]
    assert spec["replicas"] == 1
    assert spec["strategy"] == {"type": "Recreate"}


def test_only_named_clients_may_connect_and_the_server_goes_nowhere() -> None:
    policy = rules.policies(deployed())["mariadb"]
    (rule,) = policy["ingress"]
    assert rule == {
        "from": [{"podSelector": {"matchLabels": {"app": "ml-pipeline"}}}],
        "ports": [{"port": 3306, "protocol": "TCP"}],
    }
    assert "egress" not in policy


def test_text_is_utf8mb4_also_for_clients_that_do_not_say_so() -> None:
    (container,) = deployed().pods()["mariadb-server"]["containers"]
    assert {
        "--character-set-server=utf8mb4",
        "--collation-server=utf8mb4_uca1400_as_ci",
        "--init-connect=SET NAMES utf8mb4",
    } <= {*container["command"], *container.get("args", [])}


def test_every_database_has_a_connection_of_its_owner() -> None:
    connections = deployed().result.connections
    assert {name: each.username for name, each in connections.items()} == {
        "mlpipeline": "kfp",
        "metadb": "mlmd",
    }


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"databases": {"metadb": "nobody"}}, "passwords: none for nobody"),
        ({"databases": {}}, "passwords: none for any database"),
        ({"databases": {"a b": "kfp"}}, "databases: 'a b'"),
    ],
)
def test_values_that_cannot_work_are_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(ARGS, **change)  # pyright: ignore[reportArgumentType]
