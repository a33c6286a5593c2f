"""Folders of pinned modules: found only when pinned, listed and downloaded."""

from pathlib import Path

import pytest

from upstream import go, modules, recipe
from upstream.cache import UpstreamError

MODULE = "example.org/module"


@pytest.fixture
def project(projects: Path) -> recipe.Project:
    """Make a project that pins one module, with an empty cache."""
    folder = projects / "example"
    folder.mkdir()
    (folder / "go.mod").write_text(
        f"module plinth/upstream/example\n\ngo 1.26.0\n\nrequire {MODULE} v1.2.3\n"
    )
    (folder / "recipe.toml").write_text(f'[manifests]\nmodules = ["{MODULE}"]\n')
    modules.module_dir.cache_clear()
    return recipe.load("example")


def test_a_module_that_is_not_pinned_is_named(project: recipe.Project) -> None:
    with pytest.raises(UpstreamError, match=r"does not require example\.org/none"):
        modules.module_dir(project.name, "example.org/none")


def test_a_module_that_no_recipe_keeps_is_named(project: recipe.Project) -> None:
    (project.folder / "recipe.toml").write_text("")
    recipe.load.cache_clear()
    with pytest.raises(UpstreamError, match=r"recipe.toml does not list example\.org/module"):
        modules.module_dir(project.name, MODULE)


def test_a_module_that_was_not_downloaded_names_the_fix(
    project: recipe.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go, "go_version", lambda: "go1.26.0")
    with pytest.raises(UpstreamError, match="run `python -m upstream modules example`"):
        modules.module_dir(project.name, MODULE)


def test_a_module_whose_folder_was_deleted_is_downloaded_again(
    project: recipe.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(go, "go_version", lambda: "go1.26.0")
    # This is all that `go list -m` says then: nothing, and exit 0.
    monkeypatch.setattr(go, "run", lambda *_arguments, **_settings: "\n")
    modules.download(project)
    with pytest.raises(UpstreamError, match="run `python -m upstream modules example`"):
        modules.module_dir(project.name, MODULE)
    assert not modules.is_downloaded(project)


def test_the_folder_is_looked_up_without_the_network(
    project: recipe.Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: dict[str, object] = {}

    def run(arguments: list[str], **settings: object) -> str:
        called.update(settings, arguments=arguments)
        return f"{tmp_path}\n"

    monkeypatch.setattr(go, "go_version", lambda: "go1.26.0")
    monkeypatch.setattr(go, "run", run)
    modules.download(project)
    assert modules.module_dir(project.name, MODULE) == tmp_path
    assert called["GOPROXY"] == "off"
    assert called["cwd"] == project.folder


def test_a_download_is_verified_and_done_once(
    project: recipe.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    commands: list[list[str]] = []
    monkeypatch.setattr(go, "go_version", lambda: "go1.26.0")
    monkeypatch.setattr(go, "run", lambda arguments, **_settings: commands.append(arguments) or "")  # pyright: ignore[reportUnknownLambdaType]
    assert not modules.is_downloaded(project)
    modules.download(project)
    modules.download(project)
    assert commands == [["mod", "download", MODULE], ["mod", "verify"]]
    assert modules.is_downloaded(project)
