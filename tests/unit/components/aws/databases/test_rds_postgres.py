import dataclasses

import pytest

from components.aws.databases import rds_logs
from components.aws.databases.rds_postgres import RdsPostgres, RdsPostgresArgs, engine
from components.tracking.mlflow_tracking import database_uri
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules
from tests.unit.components.aws import policies
from tests.unit.components.aws.servers import SERVER

ARGS = RdsPostgresArgs(server=SERVER, database="mlflow", owner="mlflow", password="generated-password")


def deployed(*, preview: bool = False) -> Deployment[RdsPostgres]:
    return deploy(lambda: RdsPostgres("tracking", ARGS), preview=preview)


def test_everything_uses_the_one_provider() -> None:
    policies.assert_one_provider(lambda name, opts: RdsPostgres(name, ARGS, opts))


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_tagged_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "RdsPostgres")
    policies.assert_tagged(deployment, {"stack": "prod"})


def test_the_server_holds_the_one_database_and_its_owner() -> None:
    server = deployed().one("aws:rds/instance:Instance").inputs
    assert (server["engine"], server["dbName"], server["username"], server["port"]) == (
        "postgres",
        "mlflow",
        "mlflow",
        5432,
    )


def test_the_version_is_that_of_the_server_in_a_cluster() -> None:
    assert engine().version == "17"
    assert engine().family == "postgres17"


def test_both_sides_insist_on_encryption_and_the_client_on_the_servers_name() -> None:
    assert engine().parameters["rds.force_ssl"] == "1"
    assert database_uri(deployed().result.connection, "db", "pw").endswith("?sslmode=verify-full")


def test_slow_queries_and_changes_of_schemas_are_logged() -> None:
    assert engine().parameters["log_statement"] == "ddl"
    assert int(engine().parameters["log_min_duration_statement"]) > 0
    assert "postgresql" in rds_logs.LOGS[engine().name]


def test_a_connection_names_the_server_that_was_made() -> None:
    deployment = deployed()
    assert deployment.output("tracking") == {
        "host": "tracking-instance-server.eu-central-1.rds.amazonaws.com"
    }
    connection = deployment.result.connection
    assert (connection.port, connection.database, connection.username) == (5432, "mlflow", "mlflow")


@pytest.mark.parametrize("field", ["database", "owner"])
@pytest.mark.parametrize("name", ["postgres", "rdsadmin", "Upper", "has-dash", "1st", ""])
def test_names_that_rds_would_refuse_are_refused(field: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"{field}: '{name}'; use a lower-case letter"):
        dataclasses.replace(ARGS, **{field: name})  # pyright: ignore[reportArgumentType]
