"""Alert of GPU pods that wait, and the dashboard of GPU pools."""

from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import alert
from components.monitoring.timing import Timing
from components.monitoring.watch import Watch


def pods_watch(timing: Timing) -> Watch:
    """Return alert and dashboard of GPU pods, which may also run on nodes that the stack does not manage."""
    pending = 'kube_pod_status_phase{phase="Pending"} == 1'
    asks = 'sum by (namespace, pod) (kube_pod_container_resource_requests{resource="nvidia_com_gpu"})'
    waiting = alert(
        timing,
        "GpuPodsPending",
        f"{asks} and on (namespace, pod) {pending}",
        "{{ $labels.namespace }}/{{ $labels.pod }} waits for {{ $value }} GPUs",
        "kubectl describe the pod; is a pool at its maximum, out of capacity, or without that GPU?",
        severity="warning",
        hold_seconds=timing.pending_seconds,
    )
    return Watch(rules={"gpus": (waiting,)}, dashboards=(_dashboard(),))


def _dashboard() -> Dashboard:
    gpu = '{resource="nvidia_com_gpu"}'
    requests = f"kube_pod_container_resource_requests{gpu}"
    return Dashboard(
        name="gpu-pools",
        title="GPU pools",
        panels=(
            Panel(
                title="GPUs of the nodes",
                queries={"{{node}}": f"sum by (node) (kube_node_status_allocatable{gpu})"},
            ),
            Panel(
                title="GPUs asked for, by namespace",
                queries={"{{namespace}}": f"sum by (namespace) ({requests})"},
            ),
            Panel(
                title="GPUs waited for",
                queries={
                    "{{namespace}}/{{pod}}": (
                        f"sum by (namespace, pod) ({requests}) "
                        'and on (namespace, pod) kube_pod_status_phase{phase="Pending"} == 1'
                    ),
                },
            ),
            Panel(
                title="Memory asked for, by node",
                queries={
                    "{{node}}": (
                        'sum by (node) (kube_pod_container_resource_requests{resource="memory"}) '
                        '/ sum by (node) (kube_node_status_allocatable{resource="memory"})'
                    ),
                },
                unit="percentunit",
            ),
        ),
    )
