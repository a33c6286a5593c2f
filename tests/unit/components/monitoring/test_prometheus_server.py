import dataclasses

import pytest

from components.monitoring.prometheus_server import (
    PrometheusServer,
    PrometheusServerArgs,
    RemoteWrite,
    retention_size,
)
from components.monitoring.timing import REHEARSAL
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import crds, rules, sample

WAY = network_policies.egress([network_policies.pods({"app": "traefik"}, "gateway")], 9000)


def args(**changes: object) -> PrometheusServerArgs:
    plain = PrometheusServerArgs(
        namespace="monitoring",
        image="quay.io/prometheus/prometheus:v3",
        timing=REHEARSAL,
        cluster_name="local",
        alertmanager_service="alertmanager-operated",
        destinations=(WAY,),
        additional_scrapes="[]",
        gateway=sample.GATEWAY,
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[PrometheusServer]:
    return deploy(lambda: PrometheusServer("prometheus", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "PrometheusServer")
    rules.assert_labelled(deployment)


def test_the_resource_is_what_the_operator_defines_and_waited_for() -> None:
    remote = RemoteWrite(url="https://aps.example/api/v1/remote_write", region="us-east-1")
    resource = deployed(remote_write=remote).one("kubernetes:monitoring.coreos.com/v1:Prometheus").inputs
    assert crds.unknown_fields("Prometheus", resource["spec"]) == []
    assert resource["metadata"]["annotations"]["pulumi.com/waitFor"] == "condition=Available"
    assert resource["spec"]["securityContext"]["runAsNonRoot"] is True
    assert resource["spec"]["remoteWrite"] == [
        {"url": "https://aps.example/api/v1/remote_write", "sigv4": {"region": "us-east-1"}}
    ]


def test_the_operator_is_told_the_release_not_the_modules_version() -> None:
    spec = deployed().one("kubernetes:monitoring.coreos.com/v1:Prometheus").inputs["spec"]
    assert spec["version"].startswith("v3.")


def test_a_volume_is_never_filled() -> None:
    assert retention_size("5Gi") == "4096MB"
    assert retention_size("500Mi") == "400MB"


def test_it_reaches_its_targets_alone_and_is_read_through_the_gateway() -> None:
    policy = rules.policies(deployed())["prometheus"]
    assert len(policy["egress"]) == 1
    (rule,) = policy["ingress"]
    assert rule["from"] == [
        {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "gateway"}}}
    ]
    route = deployed().one("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute").inputs["spec"]
    assert route["hostnames"] == ["prometheus.plinth.localhost"]


def test_nobody_ends_or_profiles_it_or_reads_its_configuration_through_the_gateway() -> None:
    deployment = deployed()
    server = deployment.one("kubernetes:monitoring.coreos.com/v1:Prometheus").inputs["spec"]
    assert server["reloadStrategy"] == "ProcessSignal"
    route = deployment.one("kubernetes:gateway.networking.k8s.io/v1:HTTPRoute").inputs["spec"]
    (rule,) = route["rules"]
    paths = {match["path"]["value"] for match in rule["matches"]}
    assert {"/api/v1/query", "/api/v1/query_range", "/api/v1/targets", "/-/healthy"} <= paths
    closed = (
        "/",
        "/-/quit",
        "/-/reload",
        "/debug/pprof",
        "/metrics",
        "/api/v1/admin",
        "/api/v1/status/config",
    )
    for path in closed:
        assert not any(f"{path}/".startswith(f"{each}/") for each in paths), path


def test_in_the_cluster_it_reads_pods_nodes_and_metrics() -> None:
    granted = deployed().one("ClusterRole").inputs["rules"]
    assert {verb for rule in granted for verb in rule["verbs"]} == {"get", "list", "watch"}
    assert {each for rule in granted for each in rule.get("resources", [])} == {
        "nodes",
        "nodes/metrics",
        "pods",
    }


def test_a_retention_without_a_unit_is_refused() -> None:
    with pytest.raises(ValueError, match="retention: '15'; give a number and h, d, w or y"):
        args(retention="15")
