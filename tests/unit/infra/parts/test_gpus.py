"""GPU scheduling is there where pools are, and is scraped."""

from typing import Any

from infra.parts.gpus import GPUS
from infra.settings import stack_file
from tests.fixtures import platform


def test_a_stack_without_pools_runs_no_queue() -> None:
    assert not GPUS.wanted(stack_file.settings("local"))
    assert not platform.stack("local").of_type("plinth:index:GpuScheduling")


def test_prometheus_may_read_the_metrics_of_the_queues() -> None:
    found = platform.stack("prod").one("NetworkPolicy", "gpu-scheduling-kueue-policy")
    policy: dict[str, Any] = found.inputs["spec"]
    ports = {port["port"] for way in policy["ingress"] if "prometheus" in str(way) for port in way["ports"]}
    monitor = platform.stack("prod").one("PodMonitor", "monitoring-queues-monitor").inputs["spec"]
    assert ports == {monitor["podMetricsEndpoints"][0]["portNumber"]}


def test_the_expiry_of_its_certificate_is_watched() -> None:
    rule = platform.stack("prod").one("PrometheusRule").inputs["spec"]
    assert '"kueue-webhooks"' in str(rule)
