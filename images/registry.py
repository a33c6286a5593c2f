"""Publishes stored images under full references in the folder that native clusters' registries serve."""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from images import ImagesError, store
from upstream.cache import cache_root


@dataclass(frozen=True, kw_only=True)
class Target:
    """A repository path and a tag; the host is dropped, because one registry mirrors all hosts."""

    repository: str
    tag: str


def parse(reference: str) -> Target:
    """Split a full image reference.

    Raises:
        ImagesError: the reference has no tag.
    """
    name, separator, tag = reference.rpartition(":")
    if not separator or "/" in tag or not name:
        raise ImagesError(f"reference {reference!r} has no tag: write HOST/PATH:TAG")
    first, slash, rest = name.partition("/")
    if slash and ("." in first or ":" in first or first == "localhost"):
        return Target(repository=rest, tag=tag)
    # A name without a host or a folder is in Docker Hub's library, for a mirror too.
    return Target(repository=name if slash else f"library/{name}", tag=tag)


def folder() -> Path:
    """Return the storage of all native clusters' registries, in their filesystem driver's format."""
    return cache_root() / "registry"


def _root() -> Path:
    return folder() / "docker" / "registry" / "v2"


def _tag_link(target: Target) -> Path:
    tags = _root() / "repositories" / target.repository / "_manifests" / "tags"
    return tags / target.tag / "current" / "link"


def digest(target: Target) -> str | None:
    """Return the digest of the image that the registry serves under a reference; None if it serves none."""
    link = _tag_link(target)
    return link.read_text() if link.is_file() else None


def is_published(record: store.Record, target: Target) -> bool:
    """Return whether the registry serves exactly this image under this reference."""
    return digest(target) == record.manifest.digest


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}.partial")
    partial.write_text(text)
    partial.rename(path)


def publish(record: store.Record, target: Target) -> bool:
    """Write an image into the registry's folder; return whether anything changed.

    Blobs are hard links, so a published image takes no extra space, and no registry needs to run. The tag is
    written last: a client never sees a manifest without its layers.
    """
    if is_published(record, target):
        return False
    repository = _root() / "repositories" / target.repository
    for blob in (record.manifest, *record.blobs):
        digest = blob.digest.removeprefix("sha256:")
        data = _root() / "blobs" / "sha256" / digest[:2] / digest / "data"
        data.parent.mkdir(parents=True, exist_ok=True)
        if not data.exists():
            os.link(store.blob_path(blob.digest), data)
        if blob != record.manifest:
            _write(repository / "_layers" / "sha256" / digest / "link", blob.digest)
    digest = record.manifest.digest.removeprefix("sha256:")
    _write(repository / "_manifests" / "revisions" / "sha256" / digest / "link", record.manifest.digest)
    tag = _tag_link(target).parents[1]
    _write(tag / "index" / "sha256" / digest / "link", record.manifest.digest)
    _write(_tag_link(target), record.manifest.digest)
    return True


def tidy() -> int:
    """Delete tags of images that are no longer stored, then unreferenced blobs; return the bytes freed."""
    kept = {record.manifest.digest for record in store.records()}
    blobs = {blob.digest for record in store.records() for blob in (record.manifest, *record.blobs)}
    for link in (_root() / "repositories").rglob("_manifests/tags/*/current/link"):
        if link.read_text() not in kept:
            shutil.rmtree(link.parents[1])
    for link in (_root() / "repositories").rglob("_manifests/revisions/sha256/*/link"):
        if link.read_text() not in kept:
            shutil.rmtree(link.parent)
    freed = 0
    for data in (_root() / "blobs" / "sha256").glob("*/*/data"):
        if f"sha256:{data.parent.name}" not in blobs:
            freed += data.stat().st_size
            shutil.rmtree(data.parent)
    return freed
