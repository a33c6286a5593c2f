"""Scrape targets, alerts and panels of the node autoscalers."""

from components.aws import cluster_autoscaler
from components.aws import karpenter as karpenter_controller
from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import Rule, alert
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch


def watch(namespace: str, timing: Timing, *, karpenter: bool) -> Watch:
    """Return targets, alerts and panels of the cluster autoscaler, and of Karpenter where it runs.

    Args:
        namespace: namespace of both.
        timing: durations of the stack's monitoring.
        karpenter: whether some pool is provisioned by Karpenter.
    """
    window = duration(timing.window_seconds)
    autoscaler = Target(
        name="cluster-autoscaler",
        namespace=namespace,
        labels=cluster_autoscaler.POD_LABELS,
        port=cluster_autoscaler.METRICS_PORT,
        metrics=("cluster_autoscaler_failed_scale_ups_total", "cluster_autoscaler_unschedulable_pods_count"),
    )
    rules: list[Rule] = [
        alert(
            timing,
            "NodesNotStarting",
            f"sum by (reason) (increase(cluster_autoscaler_failed_scale_ups_total[{window}])) > 0",
            "The cluster autoscaler cannot start nodes: {{ $labels.reason }}",
            f"kubectl -n {namespace} logs deployment/cluster-autoscaler; capacity, quota or rights?",
            severity="warning",
            hold_seconds=0,
        )
    ]
    panels = [
        Panel(
            title="Pods that no node fits",
            queries={"{{type}}": "sum by (type) (cluster_autoscaler_unschedulable_pods_count)"},
        )
    ]
    if not karpenter:
        page = Dashboard(name="gpu-pools", panels=tuple(panels))
        return Watch(targets=(autoscaler,), rules={"nodes": tuple(rules)}, dashboards=(page,))
    provisioner = Target(
        name="karpenter",
        namespace=namespace,
        labels=karpenter_controller.POD_LABELS,
        port=karpenter_controller.METRICS_PORT,
        metrics=("karpenter_cloudprovider_errors_total", "karpenter_nodeclaims_created_total"),
    )
    rules.append(
        alert(
            timing,
            "NodesNotProvisioned",
            f"sum by (error) (increase(karpenter_cloudprovider_errors_total[{window}])) > 0",
            "Karpenter's calls of AWS fail: {{ $labels.error }}",
            f"kubectl -n {namespace} logs deployment/karpenter; capacity, quota or rights?",
            severity="warning",
            hold_seconds=0,
        )
    )
    panels.append(
        Panel(
            title="Nodes that Karpenter started",
            queries={
                "{{nodepool}}": f"sum by (nodepool) (increase(karpenter_nodeclaims_created_total[{window}]))"
            },
        )
    )
    page = Dashboard(name="gpu-pools", panels=tuple(panels))
    return Watch(targets=(autoscaler, provisioner), rules={"nodes": tuple(rules)}, dashboards=(page,))
