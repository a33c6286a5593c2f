"""The tracking server: who reaches it, and what it tells workloads."""

from infra.parts import PARTS
from infra.parts.plan import plan
from infra.parts.tracking import TRACKING
from infra.settings import stack_file
from tests.fixtures import platform


def test_the_gateway_and_pipeline_steps_reach_it() -> None:
    assert plan(stack_file.settings("local"), PARTS).clients(TRACKING.name) == ("delivery", "gateway", "runs")


def test_its_outputs_say_where_artifacts_are() -> None:
    local, prod = platform.stack("local").result, platform.stack("prod").result
    assert local["artifacts_destination"] == "s3://mlflow"
    assert prod["artifacts_destination"] == "s3://plinth-prod-111122223333-mlflow"
    assert prod["object_store_region"] == "us-east-1"


def test_production_has_two_servers_and_keeps_one_through_a_drain() -> None:
    deployment = platform.stack("prod")
    server = deployment.one("Deployment", "mlflow-server").inputs["spec"]
    assert server["replicas"] == 2
    budget = deployment.one("PodDisruptionBudget", "mlflow-disruption-budget").inputs["spec"]
    assert budget["selector"]["matchLabels"].items() <= server["template"]["metadata"]["labels"].items()


def test_it_has_a_target_alerts_and_a_page() -> None:
    assert TRACKING.watch
    watch = TRACKING.watch(stack_file.settings("local"))
    assert [each.name for each in watch.targets] == ["registry"]
    assert [each.name for each in watch.dashboards] == ["registry"]
