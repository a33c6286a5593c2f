"""The databases of Kubeflow Pipelines on RDS."""

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings import stack_file
from tests.fixtures import platform


def test_what_cost_counts_is_what_the_program_creates() -> None:
    (counted,) = [
        each for each in plan(stack_file.settings("prod"), PARTS).databases if each.name == "pipelines"
    ]
    made = platform.stack("prod").one("aws:rds/instance:Instance", "mysql-instance-server").inputs
    assert (counted.engine, counted.instance_class, counted.multi_az) == (
        made["engine"],
        made["instanceClass"],
        made["multiAz"],
    )
    assert made["engineVersion"].startswith(counted.version)


def test_the_administrators_password_stays_with_the_job_that_creates_accounts() -> None:
    deployment = platform.stack("prod")
    holders = [
        each.name
        for each in deployment.of_type("Secret")
        if "databaseAdministratorPassword-value" in str(each.inputs)
    ]
    assert holders == ["mysql-accounts-statements"]
