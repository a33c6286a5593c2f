"""Scrape target, alert and dashboard of the queues."""

from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import alert, deployment_down
from components.monitoring.targets import Target
from components.monitoring.timing import Timing
from components.monitoring.watch import Watch
from components.queues.kueue_controller import METRICS_PORT, POD_LABELS

_USED = "kueue_cluster_queue_resource_usage"
_GUARANTEED = "kueue_cluster_queue_nominal_quota"


def watch(namespace: str, timing: Timing) -> Watch:
    """Return target, alert and dashboard of Kueue.

    Args:
        namespace: namespace of the controller.
        timing: how fast alerts shall be.
    """
    target = Target(
        name="queues",
        namespace=namespace,
        labels=POD_LABELS,
        port=METRICS_PORT,
        metrics=(
            "kueue_pending_workloads",
            "kueue_reserving_active_workloads",
            _USED,
            _GUARANTEED,
        ),
        authenticated=True,
    )
    down = alert(
        timing,
        "QueuesDown",
        deployment_down(namespace),
        "Kueue is down: nothing starts that queues for a team's quota",
        f"kubectl -n {namespace} describe pods",
    )
    by_queue = "sum by (cluster_queue, flavor, resource)"
    counted = '{cluster_queue!="",resource!=""}'
    panels = (
        Panel(
            title="Workloads that wait for quota",
            queries={
                "{{cluster_queue}} {{status}}": "sum by (cluster_queue, status) (kueue_pending_workloads)"
            },
        ),
        Panel(
            title="Workloads that hold quota",
            queries={"{{cluster_queue}}": "sum by (cluster_queue) (kueue_reserving_active_workloads)"},
        ),
        Panel(
            title="CPUs and GPUs that workloads hold",
            queries={"{{cluster_queue}} {{flavor}}": f"{by_queue} ({_USED}{counted})"},
        ),
        Panel(
            title="CPUs and GPUs that are borrowed",
            queries={
                "{{cluster_queue}} {{flavor}}": (
                    f"clamp_min({by_queue} ({_USED}{counted}) - {by_queue} ({_GUARANTEED}{counted}), 0)"
                )
            },
        ),
    )
    page = Dashboard(name="queues", title="Queues of teams", panels=panels)
    return Watch(targets=(target,), rules={"queues": (down,)}, dashboards=(page,))
