"""Where the seconds of a pipeline run go: in starting containers, in programs, and between pods.

The kubelet reports whole seconds, so that a single pod's phase may be off by one; over the fifteen pods of
the reference pipeline the roundings cancel out.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Any

from kubernetes import client

from workloads import cluster_client
from workloads.endpoints import Endpoints

_PROGRAM = "main"
_DRIVER = "driver"


@dataclass(frozen=True, kw_only=True)
class Phases:
    """Seconds of one or several pods of a run."""

    pods: int
    starting: float
    """From the creation of the pod to the start of its program."""
    program: float
    """From the start of the program, a driver's or a step's, to its end."""
    ending: float
    """From the end of the program to the end of the pod's last container."""
    gap: float
    """From there to the creation of the next pod; nothing after the last one."""


def measure(endpoints: Endpoints, run_id: str) -> dict[str, Phases]:
    """Return the phases of the pods of a run that has just finished: those of drivers, and of steps."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    pods = api.list_namespaced_pod(
        endpoints.pipelines_namespace, label_selector=f"pipeline/runid={run_id}"
    ).items
    return sums(pods)


def sums(pods: Sequence[Any]) -> dict[str, Phases]:
    """Return the sums over the pods of a run: `drivers`, which prepare steps, and `steps`.

    Args:
        pods: pods as the Kubernetes client returns them, all of them finished, one after the other.
    """
    found: dict[str, list[Phases]] = {"drivers": [], "steps": []}
    for driver, phases in _of_each(sorted(pods, key=lambda pod: pod.metadata.creation_timestamp)):
        found["drivers" if driver else "steps"].append(phases)
    return {kind: _sum(each) for kind, each in found.items()}


def _of_each(pods: Sequence[Any]) -> Iterator[tuple[bool, Phases]]:
    following = [pod.metadata.creation_timestamp for pod in pods[1:]]
    for pod, following_created in zip(pods, [*following, None], strict=True):
        ended = {each.name: each.state.terminated for each in pod.status.container_statuses}
        created, program = pod.metadata.creation_timestamp, ended[_PROGRAM]
        last: datetime = max(each.finished_at for each in ended.values())
        yield (
            f"-{_DRIVER}-" in pod.metadata.name,
            Phases(
                pods=1,
                starting=(program.started_at - created).total_seconds(),
                program=(program.finished_at - program.started_at).total_seconds(),
                ending=(last - program.finished_at).total_seconds(),
                gap=(following_created - last).total_seconds() if following_created else 0.0,
            ),
        )


def _sum(phases: Sequence[Phases]) -> Phases:
    return Phases(**{each.name: sum(getattr(one, each.name) for one in phases) for each in fields(Phases)})
