"""Finds what was deleted or changed in the cluster since the last update.

The API server records which client set each field. Whoever changes a field that Pulumi had set takes it
over, so an object is as Pulumi left it as long as all these fields are still Pulumi's, whatever its
controllers add. One listing is enough; a refresh of the state would read the objects one by one.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from infra.kubectl import Kubectl

_COLUMNS = (
    "apiVersion",
    "kind",
    "metadata.namespace",
    "metadata.name",
    "metadata.uid",
    "metadata.deletionTimestamp",
)
_ROW = "".join(f'{{.{column}}}{{"\\t"}}' for column in _COLUMNS) + '{.metadata.managedFields}{"\\n"}'
_LIST = "jsonpath={range .items[*]}" + _ROW + "{end}"
# The listing of a busy API server.
_SECONDS = 60.0


@dataclass(frozen=True, kw_only=True, order=True)
class Key:
    """Identifies an object of a cluster."""

    kind: str
    namespace: str
    name: str
    group: str

    def __str__(self) -> str:
        return f"{self.kind} {self.namespace}/{self.name}" if self.namespace else f"{self.kind} {self.name}"


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """An object as the state records it."""

    key: Key
    resource: str
    """Its kind as kubectl's argument."""
    uid: str
    manager: str
    """Name under which Pulumi sets fields."""
    fields: Mapping[str, Any]
    """The fields that Pulumi set."""


@dataclass(frozen=True, kw_only=True)
class Served:
    """An object as the API server serves it."""

    uid: str
    managers: tuple[Mapping[str, Any], ...]
    """What each client set."""
    ending: bool
    """Whether it is being deleted."""


def recorded(resources: Iterable[Mapping[str, Any]]) -> list[Recorded]:
    """Return the objects of a state that the cluster must have."""
    found: list[Recorded] = []
    for each in resources:
        outputs: Mapping[str, Any] = each.get("outputs") or {}
        metadata: Mapping[str, Any] = outputs.get("metadata") or {}
        manager = outputs.get("__fieldManager")
        if not each["type"].startswith("kubernetes:") or not manager or each.get("delete"):
            continue
        group, _, version = str(outputs["apiVersion"]).rpartition("/")
        key = Key(
            kind=outputs["kind"],
            namespace=metadata.get("namespace", ""),
            name=metadata["name"],
            group=group,
        )
        found.append(
            Recorded(
                key=key,
                resource=f"{key.kind}.{version}.{group}",
                uid=metadata.get("uid", ""),
                manager=manager,
                fields=_set_by(manager, metadata.get("managedFields") or ()),
            )
        )
    return found


def served(listing: str) -> dict[Key, Served]:
    """Return the objects of a listing by kubectl."""
    found: dict[Key, Served] = {}
    for line in listing.splitlines():
        version, kind, namespace, name, uid, deleted, managers = line.split("\t", len(_COLUMNS))
        key = Key(kind=kind, namespace=namespace, name=name, group=version.rpartition("/")[0])
        found[key] = Served(uid=uid, managers=tuple(json.loads(managers or "[]")), ending=bool(deleted))
    return found


def differences(wanted: Iterable[Recorded], found: Mapping[Key, Served]) -> list[str]:
    """Return a line for each object that is gone or going, was made again, or was changed."""
    lines: list[str] = []
    for each in sorted(wanted, key=lambda one: one.key):
        object_ = found.get(each.key)
        if object_ is None:
            lines.append(f"{each.key} was deleted")
        elif object_.ending:
            lines.append(f"{each.key} is being deleted")
        elif object_.uid != each.uid:
            lines.append(f"{each.key} was deleted and created again")
        elif _set_by(each.manager, object_.managers) != each.fields:
            lines.append(f"{each.key} was changed{_by_whom(each, object_)}")
    return lines


def find(kubectl: Kubectl, resources: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return a line for each object of a state that is not as the last update left it.

    Raises:
        ClusterError: the objects cannot be listed, for example because a kind is gone.
    """
    wanted = recorded(resources)
    if not wanted:
        return []
    kinds = ",".join(sorted({each.resource for each in wanted}))
    listing = kubectl(
        *("get", kinds, "--all-namespaces", "--show-managed-fields", "--output", _LIST), seconds=_SECONDS
    )
    return differences(wanted, served(listing))


def _set_by(manager: str, entries: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return the fields that a client applied."""
    for entry in entries:
        if entry.get("manager") == manager and entry.get("operation") == "Apply":
            return entry.get("fieldsV1") or {}
    return {}


def _by_whom(was: Recorded, now: Served) -> str:
    """Return who set a field last, apart from Pulumi and from what reports the object's status."""
    others = [
        each
        for each in now.managers
        if each.get("manager") != was.manager and each.get("subresource") != "status" and each.get("time")
    ]
    last = max(others, key=lambda each: each["time"], default=None)
    return f" by {last['manager']}" if last else ""
