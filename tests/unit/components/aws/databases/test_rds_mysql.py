import pytest

from components.aws.databases import rds_logs
from components.aws.databases.rds_mysql import RdsMysql, RdsMysqlArgs, engine
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies
from tests.unit.components.aws.servers import AUTHORITIES, SERVER

ARGS = RdsMysqlArgs(server=SERVER, administrator_password="generated-password")


def deployed(*, preview: bool = False) -> Deployment[RdsMysql]:
    return deploy(lambda: RdsMysql("pipelines", ARGS), preview=preview)


def test_everything_uses_the_one_provider() -> None:
    policies.assert_one_provider(lambda name, opts: RdsMysql(name, ARGS, opts))


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "RdsMysql")
    policies.assert_tagged(deployment, {"stack": "prod"})


def test_the_server_is_the_one_that_the_platform_has_in_a_cluster() -> None:
    assert engine().family == "mariadb10.11"
    server = deployed().one("aws:rds/instance:Instance").inputs
    assert (server["engine"], server["engineVersion"], server["port"]) == ("mariadb", "10.11", 3306)


def test_the_server_refuses_clients_in_clear_and_clients_are_told() -> None:
    assert engine().parameters["require_secure_transport"] == "1"
    assert deployed().result.connection.authorities == AUTHORITIES


def test_text_is_utf8mb4_also_for_clients_that_do_not_say_so() -> None:
    parameters = engine().parameters
    assert parameters["character_set_server"] == "utf8mb4"
    assert parameters["init_connect"] == "SET NAMES utf8mb4"


def test_slow_queries_are_logged_to_where_rds_can_export_them() -> None:
    parameters = engine().parameters
    assert (parameters["slow_query_log"], parameters["log_output"]) == ("1", "FILE")
    assert "slowquery" in rds_logs.LOGS[engine().name]


def test_databases_are_left_to_the_accounts() -> None:
    deployment = deployed()
    assert "dbName" not in deployment.one("aws:rds/instance:Instance").inputs
    assert deployment.result.connection.username == "plinth"
    assert deployment.output("pipelines") == {
        "host": "pipelines-instance-server.eu-central-1.rds.amazonaws.com"
    }
