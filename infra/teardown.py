"""Keeps the deletion of a damaged platform from waiting for what no longer answers.

Webhooks of a controller that is gone fail every request, and nobody removes the finalizers of its objects.
Both would hold up the deletion of namespaces until Pulumi gives up after ten minutes.
"""

import json
import threading
import time
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from cluster.errors import ClusterError
from infra.kubectl import Kubectl

_WEBHOOKS = ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
# Kubernetes removes these itself.
_OF_KUBERNETES = (
    "foregroundDeletion",
    "orphan",
    "kubernetes",
    "kubernetes.io/",
    "batch.kubernetes.io/",
    "service.kubernetes.io/",
)
_DEFINITION = "customresourcecleanup.apiextensions.k8s.io"
# Controllers that are alive finish in a few seconds.
_STUCK_SECONDS = 20.0
_POLL_SECONDS = 10.0
_JOIN_SECONDS = 5.0


def open_way(kubectl: Kubectl, resources: Iterable[Mapping[str, Any]]) -> None:
    """Remove the webhooks of a stack that is about to be deleted: nothing more is admitted or converted."""
    objects = [each["outputs"] for each in resources if "kind" in (each.get("outputs") or {})]
    names = [
        f"{each['kind'].lower()}/{each['metadata']['name']}" for each in objects if each["kind"] in _WEBHOOKS
    ]
    if names:
        kubectl("delete", *names, "--ignore-not-found", "--wait=false", seconds=60)
    none = json.dumps({"spec": {"conversion": {"strategy": "None", "webhook": None}}})
    for each in objects:
        if each["kind"] == "CustomResourceDefinition" and _is_converted(each):
            kubectl("patch", "crd", each["metadata"]["name"], "--type=merge", f"--patch={none}")


def stuck(listing: Mapping[str, Any], namespaces: frozenset[str], groups: frozenset[str]) -> Iterator[Any]:
    """Yield the objects of a listing that are being deleted and wait for a controller that does not answer.

    Args:
        listing: objects of all kinds.
        namespaces: the stack's own.
        groups: API groups of the stack's own kinds, whose cluster-wide objects count too.
    """
    for each in listing["items"]:
        metadata: Mapping[str, Any] = each["metadata"]
        own = metadata.get("namespace") in namespaces or each["apiVersion"].rpartition("/")[0] in groups
        since = metadata.get("deletionTimestamp")
        waits_for = [name for name in metadata.get("finalizers", []) if not _is_kubernetes_own(name)]
        if own and since and waits_for and _age(since) > _STUCK_SECONDS:
            yield each


@contextmanager
def helped(kubectl: Kubectl, resources: Iterable[Mapping[str, Any]]) -> Generator[list[str]]:
    """While a stack is deleted, remove finalizers that nobody removes; give the names of their objects."""
    known = list(resources)
    objects = [each["outputs"] for each in known if "kind" in (each.get("outputs") or {})]
    namespaces = frozenset(each["metadata"]["name"] for each in objects if each["kind"] == "Namespace")
    groups = frozenset(
        each["spec"]["group"] for each in objects if each["kind"] == "CustomResourceDefinition"
    )
    released: list[str] = []
    ended = threading.Event()

    def watch() -> None:
        begun = time.monotonic()
        while not ended.wait(_POLL_SECONDS):
            if time.monotonic() - begun < _STUCK_SECONDS:
                continue
            try:
                for each in list(stuck(_everything(kubectl), namespaces, groups)):
                    _release(kubectl, each)
                    released.append(_name(each))
            except ClusterError:
                # Kinds vanish while they are listed; what is stuck still is at the next look.
                continue

    watcher = threading.Thread(target=watch, name="teardown", daemon=True)
    watcher.start()
    try:
        yield released
    finally:
        ended.set()
        # Not longer: an interrupted command must end although its kubectl waits for an answer.
        watcher.join(_JOIN_SECONDS)


def _everything(kubectl: Kubectl) -> Mapping[str, Any]:
    """Return every object that can be deleted."""
    kinds = set(kubectl("api-resources", "--verbs=list,delete", "--output=name").split())
    chosen = ",".join(sorted(each for each in kinds if not each.startswith("events")))
    return json.loads(kubectl("get", chosen, "--all-namespaces", "--output=json", seconds=60))


def _release(kubectl: Kubectl, each: Mapping[str, Any]) -> None:
    metadata = each["metadata"]
    kept = [name for name in metadata["finalizers"] if _is_kubernetes_own(name)]
    group, _, version = each["apiVersion"].rpartition("/")
    where = [f"--namespace={metadata['namespace']}"] if metadata.get("namespace") else []
    patch = json.dumps({"metadata": {"finalizers": kept}})
    kubectl(
        *("patch", f"{each['kind']}.{version}.{group}", metadata["name"], *where),
        *("--type=merge", f"--patch={patch}"),
    )


def _name(each: Mapping[str, Any]) -> str:
    metadata = each["metadata"]
    place = f"{metadata['namespace']}/" if metadata.get("namespace") else ""
    return f"{each['kind']} {place}{metadata['name']}"


def _is_converted(definition: Mapping[str, Any]) -> bool:
    return (definition["spec"].get("conversion") or {}).get("strategy") == "Webhook"


def _is_kubernetes_own(finalizer: str) -> bool:
    return finalizer == _DEFINITION or finalizer.startswith(_OF_KUBERNETES)


def _age(stamp: str) -> float:
    then = datetime.strptime(stamp, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return (datetime.now(UTC) - then).total_seconds()
