"""MLflow's Postgres in the cluster."""

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.parts.stores.tracking_database import TRACKING_DATABASE
from infra.settings import reader, stack_file
from infra.settings.stack import Environment
from tests.fixtures import platform


def test_only_the_tracking_server_connects() -> None:
    made = plan(stack_file.settings("local"), PARTS)
    assert made.clients(TRACKING_DATABASE.name) == ("mlflow",)


def test_it_is_absent_where_rds_holds_the_database() -> None:
    assert TRACKING_DATABASE.wanted(stack_file.settings("local"))
    assert not TRACKING_DATABASE.wanted(stack_file.settings("prod"))


def test_production_runs_a_standby() -> None:
    settings = reader.parse({"cluster": {"kind": "kubeconfig", "name": "local"}})
    for environment, instances in ((Environment.DEVELOPMENT, 1), (Environment.PRODUCTION, 2)):
        chosen = settings.model_copy(update={"environment": environment})
        (cluster,) = platform.deployed(chosen).of_type("kubernetes:postgresql.cnpg.io/v1:Cluster")
        assert cluster.inputs["spec"]["instances"] == instances
