"""The plans of dev and prod in AWS pass a policy scanner and plinth's rules."""

from collections.abc import Generator
from pathlib import Path

import pytest

from infra.settings import stack_file
from simulation.aws import planned, policy_scan, rules
from simulation.aws.planned import PlannedResource
from simulation.aws.simulation import simulated

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["dev", "prod"])
def stack(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(scope="module")
def everything(stack: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[list[PlannedResource]]:
    with simulated(stack, tmp_path_factory.mktemp("engine"), foresees=True) as simulation:
        simulation.engine.prepare()
        yield planned.parse(simulation.run_successfully("preview", "--json").output)


@pytest.fixture(scope="module")
def resources(everything: list[PlannedResource]) -> list[PlannedResource]:
    return planned.aws(everything)


def test_a_policy_scanner_reports_nothing_unsuppressed(
    stack: str, resources: list[PlannedResource], tmp_path: Path
) -> None:
    verdict = policy_scan.scan(resources, stack, tmp_path)
    # A plan that the scanner cannot read would pass as empty.
    assert verdict.resources == len(resources) > 100
    assert verdict.passed > 200
    assert [f"{each.check} {each.title}: {each.address}" for each in verdict.failed] == []


def test_every_suppression_of_the_scanner_is_still_needed(
    stack: str, resources: list[PlannedResource], tmp_path: Path
) -> None:
    used = {suppression for _, suppression in policy_scan.scan(resources, stack, tmp_path).suppressed}
    expected = {each for each in policy_scan.suppressions() if not each.stacks or stack in each.stacks}
    assert {each.check for each in expected - used} == set()


def test_no_rule_is_broken(
    stack: str, everything: list[PlannedResource], resources: list[PlannedResource]
) -> None:
    plan = rules.Plan(
        resources=resources,
        elsewhere=[each for each in everything if not each.is_aws],
        settings=stack_file.settings(stack),
    )
    assert [each.text() for each in rules.breaches(plan)] == []


def test_the_rules_had_policies_to_read(resources: list[PlannedResource]) -> None:
    named = [
        (each, name) for each in resources for name in ("policy", "assumeRolePolicy") if name in each.inputs
    ]
    # Trust policies of service accounts name a namespace, which only a cluster knows.
    unread = [each.name for each, name in named if each.unknown(name) and name != "assumeRolePolicy"]
    assert len(named) > 10
    assert unread == []
