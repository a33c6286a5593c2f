"""Queues are there where quotas are, and are scraped."""

from typing import Any

import pytest

from infra.errors import SettingsError
from infra.parts.queues import QUEUES
from infra.settings import reader, stack_file
from tests.fixtures import platform

LOCAL = {"cluster": {"kind": "kubeconfig", "name": "local"}}


def test_a_stack_without_quotas_runs_no_queue() -> None:
    for name in ("local", "teams"):
        assert not QUEUES.wanted(stack_file.settings(name))
    assert not platform.stack("local").of_type("plinth:index:KueueQueues")


def test_a_quota_of_cpus_is_enough_and_every_team_then_has_a_queue() -> None:
    teams = [{"name": "research", "cpuQuota": 0.5}, {"name": "applied"}]
    deployment = platform.deployed(reader.parse({**LOCAL, "teams": teams}))
    assert deployment.one("plinth:index:KueueQueues")
    assert not deployment.of_type("plinth:index:GpuScheduling")
    queues = {each.inputs["metadata"]["namespace"] for each in deployment.of_type("LocalQueue")}
    assert queues == {"research", "applied"}


@pytest.mark.parametrize(
    ("team", "problem"),
    [
        ({"cpuQuota": -1}, "teams.0.cpuQuota"),
        ({"cpuQuota": "many"}, "teams.0.cpuQuota"),
        ({"cpuQuota": 1, "borrowing": False, "cpuBorrowingLimit": 1}, "cpuBorrowingLimit needs borrowing"),
        ({"cpuBorrowingLimit": 1}, "cpuBorrowingLimit needs cpuQuota"),
    ],
)
def test_a_quota_that_cannot_be_is_one_clear_line(team: dict[str, Any], problem: str) -> None:
    with pytest.raises(SettingsError) as refused:
        reader.parse({**LOCAL, "teams": [{"name": "research", **team}]})
    assert "\n" not in str(refused.value)
    assert problem in str(refused.value)


def test_a_quota_outside_of_a_team_is_one_clear_line() -> None:
    with pytest.raises(SettingsError, match="cpuQuota"):
        reader.parse({**LOCAL, "cpuQuota": 2})


def test_prometheus_may_read_the_metrics_of_the_queues() -> None:
    found = platform.stack("prod").one("NetworkPolicy", "queues-kueue-policy")
    policy: dict[str, Any] = found.inputs["spec"]
    ports = {port["port"] for way in policy["ingress"] if "prometheus" in str(way) for port in way["ports"]}
    monitor = platform.stack("prod").one("PodMonitor", "monitoring-queues-monitor").inputs["spec"]
    assert ports == {monitor["podMetricsEndpoints"][0]["portNumber"]}


def test_the_expiry_of_its_certificate_is_watched() -> None:
    rule = platform.stack("prod").one("PrometheusRule").inputs["spec"]
    assert '"kueue-webhooks"' in str(rule)
