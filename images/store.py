"""The store of built images: OCI blobs in the cache, and a record per image and content key."""

import dataclasses
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from images import ImagesError
from upstream import go, image_recipe
from upstream.cache import cache_root

_LAYOUT = {"imageLayoutVersion": "1.0.0"}


@dataclass(frozen=True, kw_only=True)
class Blob:
    """A content-addressed file of an image."""

    digest: str
    size: int
    media_type: str


@dataclass(frozen=True, kw_only=True)
class Record:
    """A stored image: its manifest and the blobs that the manifest names, configuration first."""

    name: str
    key: str
    manifest: Blob
    blobs: tuple[Blob, ...]

    @property
    def size(self) -> int:
        """Return the compressed bytes of all blobs."""
        return sum(blob.size for blob in self.blobs)


def folder() -> Path:
    """Return the folder of all stored images."""
    return cache_root() / "images"


def blob_path(digest: str) -> Path:
    """Return the path of a blob."""
    return folder() / "blobs" / digest.replace(":", "/")


def _record_path(name: str, key: str) -> Path:
    # The key covers sources alone; with programs of another Go release the image is built again under it.
    compiler = f"-{go.go_version()}" if image_recipe.has_programs(name) else ""
    return folder() / "records" / f"{name}-{key}{compiler}.json"


def find(name: str) -> Record | None:
    """Return the record of an image with its current content, or None if it must be built."""
    path = _record_path(name, image_recipe.key(name))
    if not path.is_file():
        return None
    record = _read(path)
    complete = all(blob_path(blob.digest).is_file() for blob in (record.manifest, *record.blobs))
    return record if complete else None


def require(name: str) -> Record:
    """Return the record of a stored image.

    Raises:
        ImagesError: the image is not built.
    """
    record = find(name)
    if record is None:
        raise ImagesError(f"image {name} is not built: run `python -m images build {name}`")
    return record


def image_id(name: str) -> str:
    """Return buildah's identifier of an image: the digest of its configuration."""
    return require(name).blobs[0].digest.removeprefix("sha256:")


def _read(path: Path) -> Record:
    table: dict[str, Any] = json.loads(path.read_text())
    return Record(
        name=table["name"],
        key=table["key"],
        manifest=Blob(**table["manifest"]),
        blobs=tuple(Blob(**blob) for blob in table["blobs"]),
    )


def _blob(descriptor: dict[str, Any]) -> Blob:
    return Blob(digest=descriptor["digest"], size=descriptor["size"], media_type=descriptor["mediaType"])


def adopt(name: str, key: str, layout: Path) -> Record:
    """Move an OCI layout with one image into the store; delete the layout and records of older builds.

    The record is written last: a build that dies earlier leaves only blobs, which the next one reuses.
    """
    index: dict[str, Any] = json.loads((layout / "index.json").read_text())
    manifest = _blob(index["manifests"][0])
    content: dict[str, Any] = json.loads((layout / "blobs" / manifest.digest.replace(":", "/")).read_text())
    record = Record(
        name=name,
        key=key,
        manifest=manifest,
        blobs=tuple(_blob(descriptor) for descriptor in (content["config"], *content["layers"])),
    )
    for blob in (manifest, *record.blobs):
        target = blob_path(blob.digest)
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.is_file():
            (layout / "blobs" / blob.digest.replace(":", "/")).rename(target)
    shutil.rmtree(layout)
    records = folder() / "records"
    records.mkdir(exist_ok=True)
    for stale in records.glob(f"{name}-*.json"):
        if _read(stale).name == name:
            stale.unlink()
    partial = _record_path(name, key).with_suffix(".partial")
    partial.write_text(json.dumps(dataclasses.asdict(record), indent=1))
    partial.rename(_record_path(name, key))
    return record


def export(name: str, layout: Path) -> None:
    """Write a stored image as an OCI layout whose blobs are hard links.

    Raises:
        ImagesError: the image is not built.
    """
    record = require(name)
    shutil.rmtree(layout, ignore_errors=True)
    (layout / "blobs" / "sha256").mkdir(parents=True)
    for path, content in _layout_files(record).items():
        (layout / path).write_bytes(content)
    for blob in (record.manifest, *record.blobs):
        os.link(blob_path(blob.digest), layout / "blobs" / blob.digest.replace(":", "/"))


def _layout_files(record: Record) -> dict[str, bytes]:
    descriptor = {
        "mediaType": record.manifest.media_type,
        "digest": record.manifest.digest,
        "size": record.manifest.size,
        "annotations": {"org.opencontainers.image.ref.name": "image"},
    }
    index = {"schemaVersion": 2, "manifests": [descriptor]}
    return {"oci-layout": json.dumps(_LAYOUT).encode(), "index.json": json.dumps(index).encode()}


def records() -> Iterator[Record]:
    """Yield every stored image."""
    for path in sorted((folder() / "records").glob("*.json")):
        yield _read(path)


def tidy() -> int:
    """Delete blobs that no record names; return the bytes freed."""
    kept = {blob.digest for record in records() for blob in (record.manifest, *record.blobs)}
    freed = 0
    for path in (folder() / "blobs" / "sha256").glob("*"):
        if f"sha256:{path.name}" not in kept:
            freed += path.stat().st_size
            path.unlink()
    return freed
