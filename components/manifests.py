"""Manifests of upstream projects, read from the folder of the pinned module.

Nothing is copied into this repository: a component loads, filters, patches and applies what it owns.
"""

import copy
import json
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from upstream import documents
from upstream.modules import module_dir

Manifest = dict[str, Any]
# The merge keys of a list refer to fields of its items, which an outline may drop.
_DROPPED = {"description", "x-kubernetes-list-type", "x-kubernetes-list-map-keys"}


class ManifestError(Exception):
    """An upstream manifest is missing or not what a component expects."""


@cache
def _documents(path: Path) -> tuple[Manifest, ...]:
    return tuple(
        inner
        for each in documents.read(path)
        for inner in (each["items"] if each["kind"] == "List" else [each])
    )


def load(project: str, module: str, *patterns: str) -> list[Manifest]:
    """Return the objects in files of a pinned module, in order, as copies that the caller may change.

    Args:
        project: the folder in upstream/.
        module: the Go module whose folder is read.
        patterns: paths within the module; each may be a glob and must match at least one file.

    Raises:
        UpstreamError: the module is not pinned or not downloaded.
        ManifestError: a pattern matches nothing.
    """
    folder = module_dir(project, module)
    objects: list[Manifest] = []
    for pattern in patterns:
        paths = sorted(folder.glob(pattern))
        if not paths:
            raise ManifestError(
                f"{module} has no file {pattern}: was it moved by an upgrade of upstream/{project}?"
            )
        objects += [copy.deepcopy(each) for path in paths for each in _documents(path)]
    return objects


def text(project: str, module: str, path: str) -> str:
    """Return the text of one file of a pinned module, such as a configuration file."""
    file = module_dir(project, module) / path
    if not file.is_file():
        raise ManifestError(f"{module} has no file {path}: was it moved by an upgrade of upstream/{project}?")
    return file.read_text()


def only(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """Return the objects of these kinds."""
    return [each for each in manifests if each["kind"] in kinds]


def without(manifests: Iterable[Manifest], *kinds: str) -> list[Manifest]:
    """Return the objects of all other kinds."""
    return [each for each in manifests if each["kind"] not in kinds]


def find(manifests: Iterable[Manifest], kind: str, name: str) -> Manifest:
    """Return one object.

    Raises:
        ManifestError: there is no such object.
    """
    for each in manifests:
        if each["kind"] == kind and each["metadata"]["name"] == name:
            return each
    raise ManifestError(f"upstream's manifests contain no {kind} {name}: was it renamed by an upgrade?")


def labelled(manifests: Iterable[Manifest], labels: Mapping[str, str]) -> list[Manifest]:
    """Return the objects with these labels added to their own metadata; pod templates keep theirs."""
    return [
        {
            **each,
            "metadata": {**each["metadata"], "labels": {**(each["metadata"].get("labels") or {}), **labels}},
        }
        for each in manifests
    ]


def without_descriptions(definitions: Iterable[Manifest]) -> list[Manifest]:
    """Return custom resource definitions without the prose of their schemas.

    The prose is most of their size, and the engine writes them to its state with every operation.
    """
    shortened = [copy.deepcopy(each) for each in definitions]
    for each in shortened:
        for version in each["spec"]["versions"]:
            version["schema"]["openAPIV3Schema"] = _bare(version["schema"]["openAPIV3Schema"])
    return shortened


def _bare(schema: Any) -> Any:
    if not isinstance(schema, dict):
        return schema
    kept: dict[str, Any] = {key: value for key, value in schema.items() if key != "description"}
    # These are field names, not keywords: a field may be called `description`.
    if "properties" in kept:
        kept["properties"] = {name: _bare(inner) for name, inner in kept["properties"].items()}
    for keyword in ("items", "additionalProperties", "not"):
        if keyword in kept:
            kept[keyword] = _bare(kept[keyword])
    for keyword in ("allOf", "anyOf", "oneOf"):
        if keyword in kept:
            kept[keyword] = [_bare(inner) for inner in kept[keyword]]
    return kept


def outline(schema: dict[str, Any], levels: int) -> dict[str, Any]:
    """Return a schema that validates this many levels of fields and accepts anything below them.

    A full schema that repeats that of pods dozens of times is 640 kB: it would cost the API server, the
    engine and its state hundreds of megabytes.
    """
    kept = {key: value for key, value in schema.items() if key not in _DROPPED}
    nested = "properties" in schema or isinstance(schema.get("additionalProperties"), dict)
    if nested and levels == 0:
        passing = {key: value for key, value in kept.items() if key in ("type", "nullable")}
        return {**passing, "x-kubernetes-preserve-unknown-fields": True}
    if "properties" in schema:
        kept["properties"] = {
            name: outline(inner, levels - 1) for name, inner in schema["properties"].items()
        }
    if "items" in schema:
        kept["items"] = outline(schema["items"], max(levels - 1, 0))
    return kept


def render(manifests: Iterable[Manifest]) -> str:
    """Return one text for `yaml.v2.ConfigGroup`; JSON is valid YAML and far faster to write."""
    return "\n---\n".join(json.dumps(each, separators=(",", ":")) for each in manifests)
