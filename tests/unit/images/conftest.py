"""Images of a repository and a cache of the test's own."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from images import recipe, store
from tests.unit.images.layouts import write_layout

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


@pytest.fixture
def stored(tmp_path: Path, make_image: MakeImage) -> store.Record:
    """Store an image called app with two layers."""
    make_image("app")
    write_layout(tmp_path / "layout", b"one", b"two")
    return store.adopt("app", recipe.key("app"), tmp_path / "layout")
