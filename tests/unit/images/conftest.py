"""Images of a repository and a cache of the test's own."""

import hashlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images import recipe, store

MakeImage = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty cache; forget what earlier tests read."""
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(recipe, "FOLDER", tmp_path / "images")
    recipe.load.cache_clear()
    recipe.key.cache_clear()
    yield tmp_path / "cache"
    recipe.load.cache_clear()
    recipe.key.cache_clear()


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    """Write an image's folder."""

    def make(name: str, toml: str = "", dockerfile: str = "FROM scratch\n", **files: str) -> Path:
        folder = tmp_path / "images" / name
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "image.toml").write_text(toml)
        (folder / "Dockerfile").write_text(dockerfile)
        for file, text in files.items():
            (folder / file).write_text(text)
        recipe.load.cache_clear()
        recipe.key.cache_clear()
        return folder

    return make


def write_layout(folder: Path, *layers: bytes) -> str:
    """Write an OCI layout with one image; return the manifest's digest."""
    blobs = folder / "blobs" / "sha256"
    blobs.mkdir(parents=True)

    def put(content: bytes, media_type: str) -> dict[str, object]:
        digest = hashlib.sha256(content).hexdigest()
        (blobs / digest).write_bytes(content)
        return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": len(content)}

    manifest = {
        "schemaVersion": 2,
        "config": put(b"{}", "application/vnd.oci.image.config.v1+json"),
        "layers": [put(layer, "application/vnd.oci.image.layer.v1.tar+zstd") for layer in layers],
    }
    descriptor = put(json.dumps(manifest).encode(), "application/vnd.oci.image.manifest.v1+json")
    (folder / "index.json").write_text(json.dumps({"schemaVersion": 2, "manifests": [descriptor]}))
    return str(descriptor["digest"])


@pytest.fixture
def stored(tmp_path: Path, make_image: MakeImage) -> store.Record:
    """Store an image called app with two layers."""
    make_image("app")
    write_layout(tmp_path / "layout", b"one", b"two")
    return store.adopt("app", recipe.key("app"), tmp_path / "layout")
