"""The instance's image registry; it serves what `python -m images publish` put into the cache."""

import json
from pathlib import Path

from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.processes import Process
from cluster.programs import binaries
from upstream.cache import cache_root, write_atomically

PORT = 5000
INSIDE = f"127.0.0.1:{PORT}"


def storage() -> Path:
    """Return the registry's storage folder, which all instances share."""
    return cache_root() / "registry"


def process(instance: Instance) -> Process:
    """Write the configuration and return the registry's process."""
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        # Images are published as files: nobody who reaches the port may replace one.
        "storage": {
            "filesystem": {"rootdirectory": str(storage())},
            "maintenance": {"readonly": {"enabled": True}},
        },
        "http": {"addr": f"0.0.0.0:{PORT}"},
    }
    path = instance.folder / "config" / "registry.json"
    write_atomically(path, json.dumps(config, indent=1))
    storage().mkdir(parents=True, exist_ok=True)
    return Process(
        name="registry",
        argv=(str(binaries.path("registry")), "serve", str(path)),
        environment={"OTEL_TRACES_EXPORTER": "none", **binaries.lean()},
    )


def repository(reference: str) -> tuple[str, str]:
    """Return the repository path and tag of a reference; the host is dropped: all share one registry."""
    name, _, tag = reference.rpartition(":")
    first, slash, rest = name.partition("/")
    has_host = bool(slash) and ("." in first or ":" in first or first == "localhost")
    if has_host:
        return rest, tag
    return (name if slash else f"library/{name}"), tag


def has(reference: str) -> bool:
    """Return whether the storage holds an image."""
    name, tag = repository(reference)
    tags = storage() / "docker" / "registry" / "v2" / "repositories" / name / "_manifests" / "tags"
    return (tags / tag / "current" / "link").is_file()


def require(images: dict[str, str]) -> None:
    """Check that the storage has the images (short name -> reference) that a cluster needs to start.

    Raises:
        ClusterError: some are missing; the text names the command that builds them.
    """
    missing = {name: reference for name, reference in images.items() if not has(reference)}
    if missing:
        raise ClusterError(
            f"the image registry lacks {', '.join(missing.values())}: "
            f"run `python -m images publish {' '.join(f'{name}={missing[name]}' for name in missing)}`"
        )
