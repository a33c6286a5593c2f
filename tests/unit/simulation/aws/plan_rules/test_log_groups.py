"""What writes logs finds a group that expires."""

from dataclasses import replace

import pytest

from simulation.aws import rules
from simulation.aws.plan_rules import log_groups
from tests.unit.simulation.aws.test_rules import planned

_GROUP = "aws:cloudwatch/logGroup:LogGroup"
_WRITERS = [
    (
        "aws:rds/instance:Instance",
        {"identifier": "db", "enabledCloudwatchLogsExports": ["error"]},
        "/aws/rds/instance/db/error",
    ),
    ("aws:eks/cluster:Cluster", {"name": "here", "enabledClusterLogTypes": ["api"]}, "/aws/eks/here/cluster"),
]


@pytest.mark.parametrize(("token", "inputs", "group"), _WRITERS)
def test_a_group_that_a_service_would_create_is_there_before_it(
    token: str, inputs: dict[str, object], group: str
) -> None:
    made = replace(planned(_GROUP), inputs={"name": group, "retentionInDays": 30})
    writer = replace(planned(token), inputs=inputs)
    assert list(log_groups.find_unmanaged([made, writer], lambda _: [made])) == []
    (found,) = log_groups.find_unmanaged([made, writer], lambda _: [])
    assert found == (writer, f"would create log group {group} itself")


def test_a_group_without_retention_is_reported() -> None:
    (found,) = log_groups.find_unmanaged([planned(_GROUP)], lambda _: [])
    assert found[1] == "keeps logs for ever"


def test_the_rule_is_one_of_all() -> None:
    assert "logs expire" in rules.RULES
