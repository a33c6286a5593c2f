"""Targets and alerts of the monitoring itself and of the cluster."""

from components.monitoring import cluster_watch
from components.monitoring.rules import Alert, Recording
from components.monitoring.timing import OPERATION


def test_monitoring_scrapes_itself_the_nodes_and_dns() -> None:
    targets = {each.name: each.namespace for each in cluster_watch.watch("watch", OPERATION).targets}
    assert targets.pop("dns") == "kube-system"
    assert set(targets.values()) == {"watch"}
    assert {"prometheus", "alertmanager", "node-exporter", "kube-state-metrics"} <= targets.keys()


def test_each_certificate_is_recorded_with_its_expiry_and_alerts_three_weeks_before() -> None:
    found = cluster_watch.certificates({"one": 10, "two": 20}, OPERATION)
    recorded = [each.expression for each in found if isinstance(each, Recording)]
    assert recorded == [
        'label_replace(vector(10), "name", "one", "", "")',
        'label_replace(vector(20), "name", "two", "", "")',
    ]
    expires = next(each for each in found if isinstance(each, Alert))
    assert f"< {21 * 86400}" in expires.expression
