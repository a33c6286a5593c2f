import dataclasses
import datetime
import json
from typing import Any

import pulumi
import pytest

from components.monitoring.prometheus_monitoring import (
    MonitoringImages,
    PrometheusMonitoring,
    PrometheusMonitoringArgs,
    expiry_seconds,
    scraper,
)
from components.monitoring.team_metrics import TeamView
from components.monitoring.timing import REHEARSAL
from infra import generated
from tests.fixtures import watches
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import crds, rules, sample

IMAGES = MonitoringImages(
    alertmanager="alertmanager:1",
    config_reloader="config-reloader:1",
    kube_state_metrics="kube-state-metrics:1",
    node_exporter="node-exporter:1",
    operator="operator:1",
    prometheus="prometheus:1",
    label_proxy="prom-label-proxy:1",
)
TEAMS = {
    "research": TeamView(
        host="prometheus-research", localhost="/teams/research/prometheus", namespaces=("research",)
    )
}
_, CERTIFICATE, _ = generated.certificate(("kserve.svc",), "tests")


def args(**changes: object) -> PrometheusMonitoringArgs:
    plain = PrometheusMonitoringArgs(
        namespace="monitoring",
        cluster_name="local",
        images=IMAGES,
        watch=watches.watch("local"),
        timing=REHEARSAL,
        gateway=sample.GATEWAY,
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[PrometheusMonitoring]:
    return deploy(lambda: PrometheusMonitoring("monitoring", args(**changes)), preview=preview)


def custom(deployment: Deployment[Any], kind: str) -> dict[str, dict[str, Any]]:
    """Return the spec of every custom resource of a kind by its name."""
    return {
        each.inputs["metadata"]["name"]: each.inputs["spec"]
        for each in deployment.of_type(f"kubernetes:monitoring.coreos.com/v1:{kind}")
    }


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "PrometheusMonitoring")
    rules.assert_labelled(deployment)
    rules.assert_restricted(
        deployment,
        api_clients=["monitoring-operator-server", "monitoring-exporters-kube-state-metrics"],
    )


def test_every_custom_resource_is_what_the_operator_defines() -> None:
    deployment = deployed(certificates={"kserve": CERTIFICATE})
    for kind in ("PodMonitor", "PrometheusRule"):
        found = custom(deployment, kind)
        assert found
        for name, spec in found.items():
            assert crds.unknown_fields(kind, spec) == [], name


def test_monitors_rules_and_servers_come_after_the_operator_that_minds_them() -> None:
    deployment = deployed()
    for kind in ("PodMonitor", "PrometheusRule", "Prometheus", "Alertmanager"):
        for each in deployment.of_type(f"kubernetes:monitoring.coreos.com/v1:{kind}"):
            assert "monitoring-operator-server" in rules.before(deployment, each), each.name


def test_stores_of_a_cloud_are_not_scraped_and_its_autoscalers_are() -> None:
    local, cloud = (
        set(custom(deployed(watch=watches.watch(stack)), "PodMonitor")) for stack in ("local", "prod")
    )
    assert local - cloud == {"object-store", "postgres", "postgres-operator"}
    teams = {
        f"{each}-{team}"
        for each in ("pipelines", "predictors", "workflows")
        for team in ("applied", "research", "serving")
    }
    assert cloud - local == {"cluster-autoscaler", "karpenter", "queues", *teams}
    assert {"gateway", "predictors", "node-exporter"} <= cloud


def test_every_program_runs_the_image_that_it_is_given() -> None:
    deployment = deployed(teams=TEAMS)
    text = json.dumps([each.inputs for each in deployment.registrations])
    for image in dataclasses.asdict(IMAGES).values():
        assert f'"{image}"' in text or f"={image}" in text, image


def test_prometheus_may_reach_every_target_that_it_looks_for() -> None:
    deployment = deployed()
    policy = rules.policies(deployment)["monitoring-prometheus"]
    opened = {
        (peer["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"], way["ports"][0]["port"])
        for way in policy["egress"]
        for peer in way["to"]
        if "namespaceSelector" in peer
    }
    wanted = {
        (spec["namespaceSelector"]["matchNames"][0], spec["podMetricsEndpoints"][0]["portNumber"])
        for spec in custom(deployment, "PodMonitor").values()
    }
    assert opened == wanted


def test_the_expiry_of_a_certificate_is_recorded_and_no_secret() -> None:
    deployment = deploy(
        lambda: PrometheusMonitoring(
            "monitoring", args(certificates={"kserve": pulumi.Output.secret(CERTIFICATE)})
        )
    )
    rule = deployment.one("kubernetes:monitoring.coreos.com/v1:PrometheusRule")
    assert "spec" not in rule.secret_inputs
    assert f"vector({expiry_seconds(CERTIFICATE)})" in json.dumps(rule.inputs["spec"])
    until = datetime.datetime.fromtimestamp(expiry_seconds(CERTIFICATE), datetime.UTC)
    assert until > datetime.datetime.now(datetime.UTC) + datetime.timedelta(days=89)


def test_what_is_no_certificate_has_expired() -> None:
    assert expiry_seconds("certificate") == 0


def test_dashboards_are_config_maps_that_any_grafana_finds() -> None:
    pages = [
        each
        for each in deployed().of_type("ConfigMap")
        if each.inputs["metadata"]["labels"].get("grafana_dashboard") == "1"
    ]
    assert len(pages) == len(watches.watch().dashboards)
    for each in pages:
        (text,) = each.inputs["data"].values()
        assert json.loads(text)["panels"]


def test_grafana_runs_where_its_image_is_named() -> None:
    assert "monitoring-grafana-server" not in deployed().pods()
    pod = deployed(grafana_image="grafana:12").pods()["monitoring-grafana-server"]
    assert len([each for each in pod["volumes"] if each["name"].startswith("page-")]) == len(
        watches.watch().dashboards
    )


def test_whoever_has_metrics_names_prometheus_pods_and_no_others() -> None:
    peer: Any = scraper("monitoring")
    assert peer["pod_selector"]["match_labels"] == {"app.kubernetes.io/name": "prometheus"}
    assert peer["namespace_selector"]["match_labels"] == {"kubernetes.io/metadata.name": "monitoring"}


def test_teams_ask_through_their_proxy_which_prometheus_lets_in() -> None:
    assert not deployed().of_type("plinth:index:TeamMetrics")
    assert not deployed(teams=TEAMS, gateway=None).of_type("plinth:index:TeamMetrics")
    deployment = deployed(teams=TEAMS)
    (proxy,) = deployment.pods()["monitoring-teams-server"]["containers"]
    assert "--upstream=http://monitoring-prometheus.monitoring:9090" in proxy["args"]
    (way,) = rules.policies(deployment)["monitoring-prometheus"]["ingress"]
    labels = [each["podSelector"]["matchLabels"] for each in way["from"] if "podSelector" in each]
    assert {"app.kubernetes.io/name": "prom-label-proxy"} in labels
