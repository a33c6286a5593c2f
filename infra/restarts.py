"""Pods that read a Secret only when they start: they need a restart after it has changed."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_WORKLOADS = ("Deployment", "StatefulSet", "DaemonSet")
_SECRET = "kubernetes:core/v1:Secret"  # noqa: S105 (a type)
_CHANGES = frozenset({"update", "replace", "create-replacement"})
# The Job that sets passwords in a managed database; its name does not depend on them.
_ACCOUNTS_JOB = "plinth:index:MysqlAccounts$kubernetes:batch/v1:Job::"
ROLLOUT_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Workload:
    """What runs pods that read a Secret."""

    kind: str
    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind.lower()}/{self.name}"

    def commands(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the arguments of kubectl that restart the pods, and that wait for the new ones."""
        where = (str(self), f"--namespace={self.namespace}")
        status = ("rollout", "status", *where, f"--timeout={ROLLOUT_SECONDS}s")
        return ("rollout", "restart", *where), status


def changed_secrets(events: Iterable[Mapping[str, Any]]) -> frozenset[str]:
    """Return the URNs of the Secrets that a run of the engine changed; what reads a new one starts later."""
    found = (each["resOutputsEvent"]["metadata"] for each in events if "resOutputsEvent" in each)
    return frozenset(
        each["urn"] for each in found if each.get("type") == _SECRET and each.get("op") in _CHANGES
    )


def replaced_pods(events: Iterable[Mapping[str, Any]]) -> Mapping[str, frozenset[str]]:
    """Return the URN of each workload whose pods a run replaced, and the Secrets that had changed before."""
    changed: set[str] = set()
    found: dict[str, frozenset[str]] = {}
    for each in events:
        changed |= changed_secrets([each])
        begun: Mapping[str, Any] = each.get("resourcePreEvent", {}).get("metadata", {})
        paths: Iterable[str] = begun.get("detailedDiff") or ()
        if begun.get("op") in _CHANGES and any(path.startswith("spec.template") for path in paths):
            found[begun["urn"]] = frozenset(changed)
    return found


def accounts_jobs(resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the URNs of the Jobs that set passwords in managed databases."""
    return [each["urn"] for each in resources if _ACCOUNTS_JOB in each["urn"]]


def readers(
    resources: Iterable[Mapping[str, Any]],
    secrets: Collection[str],
    replaced: Mapping[str, frozenset[str]] | None = None,
) -> list[Workload]:
    """Return what has not read all of the Secrets, in the order of the state: servers before their clients.

    Args:
        resources: the state.
        secrets: URNs of Secrets that have changed.
        replaced: of `replaced_pods`; such pods have read what had changed before them.
    """
    known = list(resources)
    names = {
        (each["outputs"]["metadata"]["namespace"], each["outputs"]["metadata"]["name"]): each["urn"]
        for each in known
        if each["urn"] in secrets
    }
    found: list[Workload] = []
    for each in known:
        outputs: Mapping[str, Any] = each.get("outputs") or {}
        if outputs.get("kind") not in _WORKLOADS:
            continue
        metadata = outputs["metadata"]
        read = {(metadata["namespace"], name) for name in _secrets_of(outputs["spec"]["template"]["spec"])}
        seen = (replaced or {}).get(each["urn"], frozenset[str]())
        unread = {names[key] for key in read & names.keys()} - seen
        if unread:
            found.append(
                Workload(kind=outputs["kind"], namespace=metadata["namespace"], name=metadata["name"])
            )
    return found


def _secrets_of(pod: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the Secrets that a pod mounts, or reads into its environment."""
    for volume in pod.get("volumes") or ():
        if "secret" in volume:
            yield volume["secret"]["secretName"]
        for source in (volume.get("projected") or {}).get("sources") or ():
            if "secret" in source:
                yield source["secret"]["name"]
    for container in [*(pod.get("initContainers") or ()), *pod["containers"]]:
        for variable in container.get("env") or ():
            if "secretKeyRef" in (variable.get("valueFrom") or {}):
                yield variable["valueFrom"]["secretKeyRef"]["name"]
        for source in container.get("envFrom") or ():
            if "secretRef" in source:
                yield source["secretRef"]["name"]
