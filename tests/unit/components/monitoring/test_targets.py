"""What is scraped is what is read: a metric that no one emits, or no one reads, is found here."""

import re

import pytest
import yaml

from components.monitoring import metric_names, targets
from components.monitoring.rules import Recording
from components.monitoring.timing import REHEARSAL
from tests.fixtures import watches

# Made by Prometheus itself of every alert.
_BUILT_IN = {"ALERTS"}
STACKS = ["local", "prod"]


def read(stack: str) -> set[str]:
    """Return the metrics that rules and dashboards read, but for those that rules record."""
    rules = [rule for group in watches.rules(stack).values() for rule in group]
    queries = [query for page in watches.watch(stack).dashboards for query in page.queries()]
    expressions = [*(each.expression for each in rules), *queries]
    recorded = {each.record for each in rules if isinstance(each, Recording)}
    return {name for each in expressions for name in metric_names.of(each)} - recorded - _BUILT_IN


def scraped(stack: str = "local") -> tuple[targets.Target, ...]:
    return watches.watch(stack).targets


@pytest.mark.parametrize("stack", STACKS)
def test_what_rules_and_dashboards_read_is_scraped(stack: str) -> None:
    assert read(stack) - targets.metrics(scraped(stack)) == set()


@pytest.mark.parametrize("stack", STACKS)
def test_what_is_scraped_is_read(stack: str) -> None:
    assert targets.metrics(scraped(stack)) - read(stack) == set()


def test_every_target_has_a_name_of_its_own() -> None:
    names = [each.name for each in scraped()]
    assert len(names) == len(set(names))


def test_a_monitor_keeps_its_metrics_and_drops_the_rest() -> None:
    target = next(each for each in scraped() if each.name == "kube-state-metrics")
    spec = targets.pod_monitor(target, REHEARSAL)
    (endpoint,) = spec["podMetricsEndpoints"]
    assert endpoint["portNumber"] == 8080
    assert endpoint["interval"] == "10s"
    name, *labels = endpoint["metricRelabelings"]
    assert re.fullmatch(name["regex"], "kube_pod_status_phase")
    assert not re.fullmatch(name["regex"], "kube_pod_info")
    phases = next(each["regex"] for each in labels if each["sourceLabels"] == ["phase"])
    assert re.fullmatch(phases, "Pending")
    # Series without the label stay.
    assert re.fullmatch(phases, "")
    assert not re.fullmatch(phases, "Running")


def test_series_of_other_pods_keep_the_names_of_those() -> None:
    honoured = {
        each.name
        for each in scraped()
        if targets.pod_monitor(each, REHEARSAL)["podMetricsEndpoints"][0]["honorLabels"]
    }
    assert honoured == {"delivery", "kube-state-metrics"}


def test_a_target_of_which_nothing_is_read_is_refused() -> None:
    # The operator leaves an empty pattern out, and Prometheus then keeps every series.
    with pytest.raises(ValueError, match="metrics: none of idle given"):
        targets.Target(name="idle", namespace="a", labels={"a": "b"}, port=1, metrics=())


def test_nodes_and_the_api_are_scraped_with_the_servers_own_token() -> None:
    jobs = {each["job_name"]: each for each in yaml.safe_load(targets.additional_scrapes(REHEARSAL))}
    assert jobs.keys() == {"kubelet", "api-server"}
    for job in jobs.values():
        assert job["authorization"]["credentials_file"].endswith("/token")
        assert job["scheme"] == "https"
    assert "insecure_skip_verify" not in jobs["api-server"]["tls_config"]
    assert jobs["api-server"]["scrape_interval"] == "1m"


def test_prometheus_reaches_its_targets_pods_and_no_others() -> None:
    rules = targets.egress(scraped())
    to_pods = [rule for rule in rules if "pod_selector" in rule["to"][0]]  # pyright: ignore
    assert len(to_pods) == len(scraped())
    for rule in to_pods:
        assert len(rule["ports"]) == 1  # pyright: ignore


def test_a_target_that_wants_to_know_its_client_is_scraped_with_prometheus_own_token() -> None:
    endpoints = {
        each.name: targets.pod_monitor(each, REHEARSAL)["podMetricsEndpoints"][0] for each in scraped("prod")
    }
    assert endpoints["queues"]["scheme"] == "https"
    assert endpoints["queues"]["bearerTokenFile"].endswith("/token")
    assert [name for name, each in endpoints.items() if "scheme" in each] == ["queues"]
