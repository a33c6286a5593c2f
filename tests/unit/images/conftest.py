"""Images of a repository and a cache of the test's own."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images import debian_mirror, store
from tests.fixtures import image_folders
from tests.unit.images import debian
from tests.unit.images.layouts import write_layout
from upstream import image_recipe

MakeImage = Callable[..., Path]


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Give an empty cache; forget what earlier tests read."""
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(image_recipe, "FOLDER", tmp_path / "images")
    image_folders.forget()
    yield tmp_path / "cache"
    image_folders.forget()


@pytest.fixture
def make_image() -> MakeImage:
    """Give a function that writes an image's folder."""
    return image_folders.write


@pytest.fixture
def stored(tmp_path: Path) -> store.Record:
    """Store an image called app with two layers."""
    image_folders.write("app")
    write_layout(tmp_path / "layout", b"one", b"two")
    return store.adopt("app", image_recipe.key("app"), tmp_path / "layout")


@pytest.fixture
def mirror(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[debian.Debian]:
    """Give this machine a mirror of Debian, and an APT that lists what it has."""
    debian_mirror.address.cache_clear()
    with debian.serving(tmp_path / "debian") as made:
        monkeypatch.setenv("PLINTH_DEBIAN_MIRROR", made.address)
        monkeypatch.setenv("PATH", f"{made.folder}:{os.environ['PATH']}")
        yield made
    debian_mirror.address.cache_clear()
