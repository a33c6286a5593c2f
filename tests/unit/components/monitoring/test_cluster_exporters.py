import dataclasses

import pytest

from components.monitoring.cluster_exporters import ClusterExporters, ClusterExportersArgs, node_arguments
from components.shapes import network_policies
from tests.fixtures.recorder import Deployment, deploy
from tests.unit.components import rules

SCRAPER = network_policies.pods({"app": "prometheus"})


def args(**changes: object) -> ClusterExportersArgs:
    plain = ClusterExportersArgs(
        namespace="monitoring",
        state_image="kube-state-metrics:v0",
        node_image="node-exporter:v0",
        state_metrics=("kube_pod_status_phase", "kube_deployment_status_replicas_available"),
        scrapers=(SCRAPER,),
    )
    return dataclasses.replace(plain, **changes)  # pyright: ignore[reportArgumentType]


def deployed(*, preview: bool = False, **changes: object) -> Deployment[ClusterExporters]:
    return deploy(lambda: ClusterExporters("exporters", args(**changes)), preview=preview)


@pytest.mark.parametrize("preview", [False, True])
def test_everything_is_labelled_restricted_and_below_the_component(preview: bool) -> None:
    deployment = deployed(preview=preview)
    rules.assert_children_of_one_component(deployment, "ClusterExporters")
    rules.assert_labelled(deployment)
    # Restricted, the node exporter too: it mounts no path of its node.
    rules.assert_restricted(deployment, api_clients=["exporters-kube-state-metrics"])


def test_only_named_metrics_of_watched_kinds_are_made() -> None:
    (container,) = deployed().pods()["exporters-kube-state-metrics"]["containers"]
    assert "--resources=deployments,nodes,pods" in container["args"]
    allowed = "--metric-allowlist=kube_deployment_status_replicas_available,kube_pod_status_phase"
    assert allowed in container["args"]


def test_it_may_list_and_watch_exactly_what_it_watches() -> None:
    granted = deployed().one("ClusterRole").inputs["rules"]
    assert {rule["resources"][0] for rule in granted} == {"deployments", "nodes", "pods"}
    assert all(rule["verbs"] == ["list", "watch"] for rule in granted)


def test_a_node_exporter_runs_on_nodes_with_gpus_as_well() -> None:
    spec = deployed().one("DaemonSet").inputs["spec"]
    assert spec["template"]["spec"]["tolerations"] == [{"operator": "Exists"}]


def test_the_disk_is_seen_through_a_folder_of_the_pod() -> None:
    pod = deployed().pods()["exporters-node-exporter"]
    (disk,) = [each for each in pod["volumes"] if each["name"] == "disk"]
    assert disk["emptyDir"] == {}
    (mount,) = [each for each in pod["containers"][0]["volumeMounts"] if each["name"] == "disk"]
    assert f"--collector.filesystem.mount-points-include=^{mount['mountPath']}$" in node_arguments()


def test_metrics_are_for_prometheus_alone() -> None:
    for name, port in (("kube-state-metrics", 8080), ("node-exporter", 9100)):
        (rule,) = rules.policies(deployed())[name]["ingress"]
        assert rule["ports"] == [{"port": port, "protocol": "TCP"}]
        assert rule["from"] == [{"podSelector": {"matchLabels": {"app": "prometheus"}}}]


def test_an_exporter_of_everything_is_refused() -> None:
    with pytest.raises(ValueError, match="state_metrics: none given"):
        args(state_metrics=())
