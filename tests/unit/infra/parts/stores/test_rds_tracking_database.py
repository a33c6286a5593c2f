"""MLflow's Postgres on RDS."""

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings import stack_file
from tests.fixtures import platform


def test_what_cost_counts_is_what_the_program_creates() -> None:
    (counted,) = [
        each for each in plan(stack_file.settings("prod"), PARTS).databases if each.name == "tracking"
    ]
    made = platform.stack("prod").one("aws:rds/instance:Instance", "postgres-instance-server").inputs
    assert (counted.engine, counted.instance_class, counted.multi_az) == (
        made["engine"],
        made["instanceClass"],
        made["multiAz"],
    )
    assert made["engineVersion"].startswith(counted.version)
    assert counted.size == f"{made['allocatedStorage']}Gi"
