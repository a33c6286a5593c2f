"""Projects of a test's own in place of the committed ones."""

from collections.abc import Generator
from pathlib import Path

import pytest

from upstream import recipe


@pytest.fixture
def projects(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """Return an empty folder for projects, with an empty cache; forget the projects afterwards."""
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "upstream"
    folder.mkdir()
    monkeypatch.setattr(recipe, "FOLDER", folder)
    recipe.load.cache_clear()
    yield folder
    recipe.load.cache_clear()
