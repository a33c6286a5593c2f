"""Training is there where the settings say so, for the stack's own runs and those of each team."""

from typing import Any

from infra.parts.training import NAMESPACE, TRAINING
from infra.settings import stack_file
from infra.settings.stack import Settings
from infra.settings.training import TrainingSettings
from tests.fixtures import platform


def _with_training(stack: str) -> Settings:
    return stack_file.settings(stack).model_copy(update={"training": TrainingSettings(enabled=True)})


def test_a_stack_that_does_not_ask_for_it_has_nothing_of_it() -> None:
    assert not TRAINING.wanted(stack_file.settings("local"))
    names = {each.name for each in platform.stack("local").registrations}
    assert not {
        each for each in names if each.startswith("training") or ("webhooks" in each and "jobset" in each)
    }


def test_every_namespace_of_runs_gets_what_it_needs() -> None:
    deployment = platform.deployed(_with_training("teams"))
    opened = {each.name for each in deployment.of_type("plinth:index:TrainingJobs")}
    assert opened == {"training-runs", "training-research", "training-applied"}


def test_prometheus_may_read_the_metrics_of_both_controllers() -> None:
    deployment = platform.deployed(_with_training("local"))
    for product in ("jobset", "trainer"):
        policy: dict[str, Any] = deployment.one("NetworkPolicy", f"training-{product}-policy").inputs["spec"]
        ports = {
            port["port"] for way in policy["ingress"] if "prometheus" in str(way) for port in way["ports"]
        }
        monitor = deployment.one("PodMonitor", f"monitoring-{product}-monitor").inputs["spec"]
        assert ports == {monitor["podMetricsEndpoints"][0]["portNumber"]}
        assert monitor["namespaceSelector"]["matchNames"] == [NAMESPACE]


def test_the_expiry_of_its_certificates_is_watched() -> None:
    rule = platform.deployed(_with_training("local")).one("PrometheusRule").inputs["spec"]
    assert '"jobset-webhooks"' in str(rule)
    assert '"trainer-webhooks"' in str(rule)
