"""Several projects at once: what is cached is left alone, and downloads run ahead."""

from collections.abc import Callable
from pathlib import Path

import pytest

from upstream import batch, build, modules, recipe

pytestmark = pytest.mark.unit


def test_only_what_is_missing_is_built_and_every_module_is_downloaded_once(
    projects: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    downloaded: list[str] = []
    done: list[str] = []

    def one(project: recipe.Project, on_start: Callable[[], None]) -> float:
        on_start()
        done.append(project.name)
        return 1.0

    monkeypatch.setattr(modules, "download", lambda project: downloaded.append(project.name))
    monkeypatch.setattr(build, "is_built", lambda project: project.name == "cached")
    monkeypatch.setattr(build, "build", one)
    for name in ("cached", "missing", "another"):
        folder = projects / name
        folder.mkdir()
        (folder / "go.mod").write_text(f"module plinth/upstream/{name}\n\ngo 1.26.0\n")
        (folder / "recipe.toml").write_text(f'[build]\nseconds = 1\n\n[programs.{name}]\npackage = "."\n')
    wanted = [recipe.load("cached"), recipe.load("missing")]
    assert batch.build_missing(wanted, ahead=[recipe.load("missing"), recipe.load("another")]) == 1
    assert done == ["missing"]
    assert sorted(downloaded) == ["another", "cached", "missing"]
