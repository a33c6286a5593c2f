"""Monitoring of the platform: every target is up, every metric has samples, every dashboard has data."""

from collections.abc import Callable, Generator

import httpx
import pytest

from components.monitoring import metric_names, targets
from components.monitoring.rules import Recording
from components.monitoring.timing import REHEARSAL
from harness.prometheus import Prometheus
from tests.e2e import through_gateway
from tests.fixtures import watches
from workloads.endpoints import Endpoints
from workloads.wait import wait_for

ROW = [13.2, 1.78, 2.14, 11.2, 100.0, 2.65, 2.76, 0.26, 1.28, 4.38, 1.05, 3.4, 1050.0]
_MONITORING = "monitoring"
_GOAL_MIB = 700
# The slowest target is scraped once a minute, and a rate needs two samples.
_SAMPLES_SECONDS = 180
# Of a model that has had the rows of a whole window, labels, or an experiment.
_OF_SOME_MODELS = {
    "plinth_drift_alarm",
    "plinth_drift_index",
    "plinth_drift_threshold",
    *(
        f"plinth_experiment_{name}"
        for name in (
            "difference_high",
            "difference_low",
            "mean",
            "minimum_effect",
            "rows",
            "units",
            "verdict",
        )
    ),
    "plinth_quality_accuracy",
    "plinth_quality_alarm",
    "plinth_quality_evidence",
}
# Other journeys send the same row again and again, which is not what models were trained on.
_OF_TRAFFIC = {"ModelInputDrift", "ModelPredictionDrift", "ModelQualityDrift"}
# Panels that are empty on an idle platform.
_EMPTY_WHEN_IDLE = {
    "Accuracy by labels, on held-back rows, and the least that is tolerated",
    "Alerts firing",
    "Classifiers without an accuracy on held-back rows to compare with",
    "Deployments without a ready pod",
    "Difference, new version minus former one: where it is, and the least that matters",
    "Distance from training, as a share of what is too far",
    "Drifted in two windows in a row",
    "Evidence that the accuracy is too low, as a share of what raises the alert",
    "Models that nobody can compare: no statistics of training",
    "Labelled rows, and units that have one",
    "Mean of the metric",
    "Verdict on the new version",
    "GPUs asked for, by namespace",
    "GPUs of the nodes",
    "GPUs waited for",
    "Targets down",
}


@pytest.fixture(scope="module")
def prometheus(endpoints: Endpoints) -> Generator[Prometheus]:
    client = Prometheus(endpoints)
    yield client
    client.close()


@pytest.fixture(scope="module")
def used(endpoints: Endpoints, wine: httpx.Client) -> None:
    """Send requests to the platform, so that there is something to count."""
    for path, body in (
        ("/v1/models/wine:predict", {"instances": [ROW]}),
        (
            "/v2/models/wine/infer",
            {"inputs": [{"name": "rows", "shape": [1, 13], "datatype": "FP64", "data": ROW}]},
        ),
    ):
        wine.post(path, json=body).raise_for_status()
    with through_gateway.connect(endpoints) as client:
        experiments = "/api/2.0/mlflow/experiments/get?experiment_id=0"
        client.get(experiments, headers={"Host": endpoints.tracking_host}).raise_for_status()
        # Without credentials the object store refuses the request and counts it.
        refused = client.get("/mlflow/none", headers={"Host": endpoints.objects_host}, auth=None)
        assert refused.status_code == 403


def test_every_target_is_up_and_there_are_no_others(prometheus: Prometheus) -> None:
    wanted = {*(each.name for each in watches.watch().targets), "kubelet", "api-server"}

    def all_up() -> str | None:
        found = prometheus.targets()
        down = {
            f"{job}: {error or health}"
            for job, states in found.items()
            for health, error in states
            if health != "up"
        }
        missing, more = wanted - found.keys(), found.keys() - wanted
        return None if not (down or missing or more) else f"down {down}, missing {missing}, unknown {more}"

    wait_for("every target", all_up, timeout_seconds=_SAMPLES_SECONDS)


@pytest.mark.usefixtures("used")
def test_every_metric_that_is_read_has_samples(prometheus: Prometheus) -> None:
    rules = [rule for group in watches.rules().values() for rule in group]
    recorded = {each.record for each in rules if isinstance(each, Recording)}
    wanted = (targets.metrics(watches.watch().targets) | recorded) - _OF_SOME_MODELS

    def all_there() -> str | None:
        missing = {name for name in wanted if not prometheus.has(name)}
        return f"no samples of {', '.join(sorted(missing))}" if missing else None

    wait_for("every metric", all_there, timeout_seconds=_SAMPLES_SECONDS, interval_seconds=5)


def test_every_rule_is_evaluated_without_an_error(prometheus: Prometheus) -> None:
    def all_well() -> str | None:
        found = prometheus.rules()
        bad = {
            f"{each['name']}: {each.get('lastError') or each['health']}"
            for each in found
            if each["health"] != "ok"
        }
        return f"{bad or 'no rules yet'}" if bad or not found else None

    wait_for("every rule", all_well, timeout_seconds=60)


@pytest.mark.usefixtures("used")
def test_every_panel_of_every_dashboard_shows_data(prometheus: Prometheus) -> None:
    panels = [panel for page in watches.watch().dashboards for panel in page.panels]

    def all_filled() -> str | None:
        empty = {
            f"{panel.title}: {query}"
            for panel in panels
            for query in panel.queries.values()
            # An empty result may fill later; an invalid query is an error and ends the test.
            if not prometheus.samples(query) and panel.title not in _EMPTY_WHEN_IDLE
        }
        return f"empty: {'; '.join(sorted(empty))}" if empty else None

    wait_for("every panel", all_filled, timeout_seconds=_SAMPLES_SECONDS, interval_seconds=5)


def test_the_gpu_dashboard_queries_metrics_that_exist(prometheus: Prometheus) -> None:
    page = next(each for each in watches.watch().dashboards if each.name == "gpu-pools")
    for name in {name for query in page.queries() for name in metric_names.of(query)}:
        assert prometheus.has(name), name


def test_a_healthy_platform_fires_no_alert(prometheus: Prometheus) -> None:
    def quiet() -> str | None:
        firing = prometheus.firing() - _OF_TRAFFIC
        return f"firing: {', '.join(sorted(firing))}" if firing else None

    # An earlier journey's fault may still be in its window.
    wait_for("quiet", quiet, timeout_seconds=REHEARSAL.window_seconds + 120)


def test_monitoring_is_small(prometheus: Prometheus, record_property: Callable[[str, object], None]) -> None:
    memory = f'pod_memory_working_set_bytes{{namespace="{_MONITORING}"}}'
    pods = {labels["pod"]: value / 2**20 for labels, value in prometheus.samples(memory)}
    ((_, series),) = prometheus.samples("sum(prometheus_tsdb_head_series)")
    for pod, mebibytes in sorted(pods.items()):
        record_property(f"MiB of {pod}", round(mebibytes))
    record_property("MiB in all", round(sum(pods.values())))
    record_property("series", round(series))
    parts = ("alertmanager", "monitoring-operator", "kube-state-metrics", "node-exporter", "prometheus")
    assert all(any(pod.startswith(part) for pod in pods) for part in parts), pods
    assert sum(pods.values()) < _GOAL_MIB
