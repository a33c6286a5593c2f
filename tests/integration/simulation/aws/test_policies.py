"""The plans of all stacks in AWS pass a policy scanner, CloudFormation's linter and plinth's rules."""

import json
from collections.abc import Generator

import pytest

from infra.settings import stack_file
from infra.settings.cluster import EksSettings
from simulation import policy_scan
from simulation.aws import planned, rules, terraform_plan
from simulation.aws.cloudformation import lint
from simulation.aws.cloudformation.lint import Failure
from simulation.aws.planned import PlannedResource
from simulation.aws.simulation import simulated
from simulation.policy_scan import AWS, Verdict

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module", params=["dev", "staging", "prod"])
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


@pytest.fixture(scope="module")
def verdict(
    stack: str, resources: list[PlannedResource], tmp_path_factory: pytest.TempPathFactory
) -> Verdict:
    text = json.dumps(terraform_plan.plan(resources), indent=1)
    return policy_scan.scan(text, AWS, stack, tmp_path_factory.mktemp("scan"))


@pytest.fixture(scope="module")
def failures(stack: str, resources: list[PlannedResource]) -> list[Failure]:
    cluster = stack_file.settings(stack).cluster
    assert isinstance(cluster, EksSettings)
    return lint.find(resources, cluster.region)


def test_a_policy_scanner_reports_nothing_unsuppressed(
    verdict: Verdict, resources: list[PlannedResource]
) -> None:
    # A plan that the scanner cannot read would pass as empty.
    assert verdict.resources == len(resources) > 100
    assert verdict.passed > 200
    assert verdict.failures() == []


def test_every_suppression_of_the_scanner_is_still_needed(stack: str, verdict: Verdict) -> None:
    used = {suppression for _, suppression in verdict.suppressed}
    expected = {each for each in AWS.suppressions() if not each.stacks or stack in each.stacks}
    assert {each.check for each in expected - used} == set()


def test_cloudformations_linter_accepts_every_resource(failures: list[Failure]) -> None:
    assert [each.text() for each in lint.without_exemptions(failures)] == []


def test_every_exemption_of_the_linter_is_still_needed(failures: list[Failure]) -> None:
    unused = [one for one in lint.EXEMPTIONS if not any(one.covers(each) for each in failures)]
    assert unused == []


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
