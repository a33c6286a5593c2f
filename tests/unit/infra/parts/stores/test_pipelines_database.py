"""The databases of Kubeflow Pipelines in the cluster."""

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.parts.stores.pipelines_database import PIPELINES_DATABASE
from infra.settings import stack_file
from tests.fixtures import platform


def test_it_runs_and_is_used_in_the_namespace_of_the_pipelines() -> None:
    made = plan(stack_file.settings("local"), PARTS)
    assert made.clients(PIPELINES_DATABASE.name) == ("kubeflow",)
    assert made.servers(*PIPELINES_DATABASE.provides) == ("kubeflow",)


def test_each_account_has_its_own_password() -> None:
    statements = platform.stack("local").one("Secret", "mysql-init").inputs["stringData"]
    text = str(statements)
    assert "'kfp'@'%' IDENTIFIED BY 'pipelinesDatabasePassword-value'" in text
    assert "'mlmd'@'%' IDENTIFIED BY 'metadataDatabasePassword-value'" in text


def test_it_has_an_alert_of_its_own() -> None:
    assert PIPELINES_DATABASE.watch
    (alert,) = PIPELINES_DATABASE.watch(stack_file.settings("local")).rules["pipelines"]
    assert 'deployment="mysql"' in alert.expression
