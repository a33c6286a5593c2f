"""A TrainJob in the cluster: asked whether it has room, created, and watched to its end.

Embedded in the step that trains on several nodes, with the modules that it imports from here.
"""

# The Kubernetes client ships no complete types.
# pyright: basic

from pathlib import Path
from typing import Any

from workloads.contract import TRAIN_JOBS, TRAINING_API
from workloads.distributed.train_jobs import (
    QUEUE,
    Nodes,
    ended,
    refuse_beyond_quota,
    why_a_node_ended,
    why_a_node_never_starts,
    why_failed,
    why_it_waits,
)
from workloads.wait import wait

OWN_NAMESPACE = "/var/run/secrets/kubernetes.io/serviceaccount/namespace"
"""File with the namespace of a pod."""
_KUEUE = ("kueue.x-k8s.io", "v1beta2")


class RunningTrainJob:
    """One TrainJob and its nodes."""

    def __init__(self, name: str) -> None:
        """Connect with the account of this pod, in whose namespace the TrainJob is.

        Args:
            name: Its name.
        """
        from kubernetes import client

        self.name = name
        self.lost: list[str] = []
        """Why nodes ended that did not succeed, each once, in order."""
        namespace = Path(OWN_NAMESPACE).read_text()
        self._namespace = namespace
        self._objects: Any = client.CustomObjectsApi()
        self._core = client.CoreV1Api()
        self._plain: Any = client.ApiClient().sanitize_for_serialization
        self._jobs = _kind(TRAINING_API, TRAIN_JOBS) | {"namespace": namespace}

    def refuse_without_room(self, nodes: Nodes) -> str:
        """Refuse more nodes than a quota of the namespace has room for; return its queue, if it has one.

        Raises:
            ValueError: there is no room for them, whatever else runs; one line.
        """
        read = self._objects.get_namespaced_custom_object
        queue = _asked(read, **_kind(_KUEUE, "localqueues"), namespace=self._namespace, name=QUEUE)
        cluster_queue = queue and _asked(
            self._objects.get_cluster_custom_object,
            **_kind(_KUEUE, "clusterqueues"),
            name=queue["spec"]["clusterQueue"],
        )
        quotas = self._core.list_namespaced_resource_quota(self._namespace).items
        refuse_beyond_quota(nodes, cluster_queue, [self._plain(each) for each in quotas])
        return QUEUE if queue else ""

    def run(self, body: dict[str, Any], timeout_seconds: int) -> None:
        """Create the TrainJob and wait until all nodes have ended.

        Raises:
            WorkloadsError: it failed, can never start, or took too long; it is deleted then. One line, with
                the reason of the node that ended first, or with what it waits for.
        """
        self._objects.create_namespaced_custom_object(**self._jobs, body=body)
        try:
            wait(
                f"train job {self.name}",
                self._status,
                ready=lambda seen: ended(seen[0]) == "Complete",
                error=self._failure,
                describe=self._waiting,
                timeout_seconds=timeout_seconds,
                interval_seconds=2.0,
            )
        except BaseException:
            _asked(self._objects.delete_namespaced_custom_object, **self._jobs, name=self.name)
            raise

    def _status(self) -> tuple[dict[str, Any], list[Any]]:
        job = self._objects.get_namespaced_custom_object(**self._jobs, name=self.name)
        selector = f"jobset.sigs.k8s.io/jobset-name={self.name}"
        pods = self._core.list_namespaced_pod(self._namespace, label_selector=selector).items
        # Pods of lost nodes go when all start again, so what they say is kept.
        reason = why_a_node_ended(pods)
        if reason and reason not in self.lost:
            print(f"train job {self.name}: {reason}", flush=True)
            self.lost.append(reason)
        return job, pods

    def _failure(self, seen: tuple[dict[str, Any], list[Any]]) -> str | None:
        job, pods = seen
        if ended(job) == "Failed":
            return f"{self.lost[-1]} ({why_failed(job)})" if self.lost else why_failed(job)
        return why_a_node_never_starts(pods) or None

    def _waiting(self, seen: tuple[dict[str, Any], list[Any]]) -> str:
        found = _asked(
            self._objects.list_namespaced_custom_object,
            **_kind(_KUEUE, "workloads"),
            namespace=self._namespace,
        )
        own = [
            each
            for each in (found or {}).get("items", [])
            if any(owner["name"] == self.name for owner in each["metadata"].get("ownerReferences", []))
        ]
        return why_it_waits(seen[1], own) or "its nodes run"


def _kind(api: tuple[str, str], plural: str) -> dict[str, str]:
    return {"group": api[0], "version": api[1], "plural": plural}


def _asked(call: Any, **which: Any) -> Any:
    """Return an answer, or nothing where the object or its kind does not exist, or is nobody's to read."""
    from kubernetes import client

    try:
        return call(**which)
    except client.ApiException as error:
        if error.status not in (403, 404):
            raise
        return None
