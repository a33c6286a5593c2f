"""Diagnosis for a failed journey: unhealthy pods, the end of their logs, and warning events."""

from typing import Any

from kubernetes import client

from workloads import cluster_client

_LINES = 30


def diagnose(kubeconfig: str, namespaces: tuple[str, ...]) -> str:
    """Return the faults of pods in some namespaces, and the latest warnings there."""
    api: Any = client.CoreV1Api(cluster_client.connect(kubeconfig))
    lines: list[str] = []
    for namespace in namespaces:
        try:
            lines += [f"== {namespace}", *_pods(api, namespace), *_warnings(api, namespace)]
        except Exception as error:
            lines.append(f"== {namespace}: cannot be read: {type(error).__name__}: {error}")
    return "\n".join(lines)


def find_faults(pod: Any) -> str:
    """Return what is wrong with a pod; empty if it runs without a restart, or succeeded."""
    if pod.status.phase == "Succeeded":
        return ""
    faults: list[str] = [] if pod.status.phase == "Running" else [str(pod.status.phase)]
    for status in (pod.status.init_container_statuses or []) + (pod.status.container_statuses or []):
        ended = status.state.terminated or (status.last_state.terminated if status.last_state else None)
        if status.state.waiting:
            faults.append(f"{status.name} waits: {status.state.waiting.reason}")
        elif ended and ended.exit_code:
            faults.append(f"{status.name} ended with {ended.exit_code}: {ended.reason}")
        if status.restart_count:
            faults.append(f"{status.name} restarted {status.restart_count} times")
    return "; ".join(faults)


def _pods(api: Any, namespace: str) -> list[str]:
    lines: list[str] = []
    for pod in api.list_namespaced_pod(namespace).items:
        fault = find_faults(pod)
        if not fault:
            continue
        lines.append(f"pod {pod.metadata.name}: {fault}")
        for container in pod.spec.containers:
            lines += _log(api, namespace, pod.metadata.name, container.name)
    return lines


def _log(api: Any, namespace: str, pod: str, container: str) -> list[str]:
    try:
        text: str = api.read_namespaced_pod_log(pod, namespace, container=container, tail_lines=_LINES)
    except client.ApiException as error:
        return [f"  {container}: no log ({error.status})"]
    return [f"  {container}: {line}" for line in text.splitlines()]


def _warnings(api: Any, namespace: str) -> list[str]:
    events = api.list_namespaced_event(namespace, field_selector="type=Warning").items
    ordered = sorted(events, key=lambda event: str(event.last_timestamp or event.event_time))
    return [
        f"event {event.involved_object.kind}/{event.involved_object.name}: {event.reason}: {event.message}"
        for event in ordered[-_LINES:]
    ]
