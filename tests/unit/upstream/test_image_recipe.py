"""The recipe of an image: what its folder declares, and one key for caches, tags and running platforms."""

import ast
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures import image_folders
from upstream import image_recipe, python_lock, recipe
from upstream.cache import UpstreamError

_PROJECT = "module plinth/upstream/{name}\n\ngo 1.26.0\n"


@pytest.fixture
def folders(projects: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Give an upstream project that builds `tool`, and no images."""
    monkeypatch.setattr(image_recipe, "FOLDER", tmp_path / "images")
    _write_project(projects, "go.mod", _PROJECT.format(name="example"))
    _write_project(projects, "go.sum", "example.org/module h1:one\n")
    _write_project(projects, "recipe.toml", '[programs.tool]\npackage = "."\n')
    _write_project(projects, "prepare.py", "print(1)\n")
    image_folders.forget()
    yield
    image_folders.forget()


def _write_project(projects: Path, file: str, text: str) -> None:
    (projects / "example").mkdir(exist_ok=True)
    (projects / "example" / file).write_text(text)
    recipe.load.cache_clear()


def _key(name: str = "app") -> str:
    image_folders.forget()
    return image_recipe.key(name)


@pytest.mark.usefixtures("folders")
def test_the_key_follows_every_file_its_mode_and_the_base() -> None:
    image_folders.write("base")
    folder = image_folders.write("app", 'base = "base"\n', program="one")
    keys = [_key()]
    assert _key() == keys[0]
    (folder / "program").chmod(0o755)
    keys.append(_key())
    (folder / "program").write_text("two")
    keys.append(_key())
    (folder / "program").rename(folder / "renamed")
    keys.append(_key())
    image_folders.write("base", dockerfile="FROM scratch\nENV A=1\n")
    keys.append(_key())
    assert len(set(keys)) == 5


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("go.mod", _PROJECT.format(name="example").replace("1.26.0", "1.26.1")),
        ("go.sum", "example.org/module h1:two\n"),
        ("recipe.toml", '[programs.tool]\npackage = "."\ntags = ["a"]\n'),
        ("prepare.py", "print(2)\n"),
        ("main.go", "package main\n"),
    ],
)
def test_one_changed_byte_of_the_upstream_project_changes_the_tag_of_its_image(
    projects: Path, file: str, text: str
) -> None:
    image_folders.write("app", 'programs = ["tool"]\n')
    before = image_recipe.tag("app", "v1.2.3")
    _write_project(projects, file, text)
    image_folders.forget()
    after = image_recipe.tag("app", "v1.2.3")
    assert after != before
    assert before.startswith("v1.2.3-")
    assert after.startswith("v1.2.3-")


@pytest.mark.usefixtures("folders")
def test_notes_of_the_upstream_project_change_nothing(projects: Path) -> None:
    image_folders.write("app", 'programs = ["tool"]\n')
    before = _key()
    _write_project(projects, "NOTES.md", "read me")
    assert _key() == before


@pytest.mark.usefixtures("folders")
def test_the_tag_is_the_version_and_the_start_of_the_key() -> None:
    image_folders.write("app")
    assert image_recipe.tag("app") == image_recipe.key("app")[:12]
    assert image_recipe.tag("app", "17") == f"17-{image_recipe.key('app')[:12]}"


@pytest.mark.usefixtures("folders")
def test_a_tag_is_recognised_by_the_content_that_it_names() -> None:
    image_folders.write("app")
    content = image_recipe.key("app")
    for version in ("", "17", "v1.2.3-rc.1"):
        assert image_recipe.is_tag_of(image_recipe.tag("app", version), content)
    assert not image_recipe.is_tag_of("17", content)
    assert not image_recipe.is_tag_of(content[:4], content)


@pytest.mark.usefixtures("folders")
def test_notes_and_byte_code_do_not_change_the_key() -> None:
    folder = image_folders.write("app")
    before = _key()
    (folder / "NOTES.md").write_text("x")
    (folder / "requirements.in").write_text("x")
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "x.cpython-311.pyc").write_bytes(b"x")
    assert _key() == before


@pytest.mark.usefixtures("folders")
def test_a_link_counts_by_its_target_even_if_that_exists_only_in_the_image() -> None:
    folder = image_folders.write("app")
    (folder / "manager").symlink_to("operator/manager")
    before = _key()
    (folder / "manager").unlink()
    (folder / "manager").symlink_to("elsewhere")
    assert _key() != before


@pytest.mark.usefixtures("folders")
def test_the_key_follows_the_lock_entries_of_the_groups_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    groups: dict[str, dict[str, Any]] = {
        "a": {"both": {"version": "1"}, "mine": {"version": "1"}},
        "b": {"both": {"version": "1"}, "other": {"version": "1"}},
    }
    monkeypatch.setattr(python_lock, "group", groups.__getitem__)
    image_folders.write("shared", '[python]\nshared-by = ["a", "b"]\n')
    image_folders.write("app", 'base = "shared"\n[python]\ngroups = ["a"]\n')
    image_folders.write("plain")

    def keys() -> tuple[str, str, str]:
        return _key("shared"), _key("app"), _key("plain")

    before = keys()
    groups["b"]["other"] = {"version": "2"}
    assert keys() == before
    groups["a"]["mine"] = {"version": "2"}
    after = keys()
    assert after == (before[0], after[1], before[2])
    assert after[1] != before[1]
    groups["a"]["both"] = groups["b"]["both"] = {"version": "1", "wheels": [{"hash": "sha256:b"}]}
    last = keys()
    assert last[2] == before[2]
    assert not set(last[:2]) & {*before, *after}


@pytest.mark.usefixtures("folders")
def test_the_key_follows_the_modules_that_files_are_copied_from(projects: Path) -> None:
    image_folders.write("app", '[modules]\nconfig = "example:example.org/module/config"\n')
    before = _key()
    _write_project(projects, "go.sum", "example.org/module h1:two\n")
    assert _key() != before


@pytest.fixture
def repository(folders: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give a repository with a package of two modules, a document, and a file beside it."""
    monkeypatch.setattr(image_recipe, "_REPOSITORY", tmp_path)
    for file in ("package/__init__.py", "package/inner/one.py", "package/README.md", "names.py"):
        path = tmp_path / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(file)
    return tmp_path


def test_sources_keep_their_paths_and_a_folder_is_all_of_its_files(repository: Path) -> None:
    image_folders.write("app", 'sources = ["package", "names.py"]\n', program="x")
    context = image_recipe.load("app").context
    assert {*context} == {
        "Dockerfile",
        "image.toml",
        "program",
        "names.py",
        "package/__init__.py",
        "package/inner/one.py",
    }
    assert context["names.py"] == repository / "names.py"
    assert context["package/inner/one.py"] == repository / "package/inner/one.py"


def test_the_key_follows_its_sources_and_no_other_file(repository: Path) -> None:
    image_folders.write("app", 'sources = ["package/inner", "names.py"]\n')
    keys = [_key()]
    for file in ("package/__init__.py", "package/README.md", "package/inner/NOTES.md", "others.py"):
        (repository / file).write_text("another")
        assert _key() == keys[0], file
    (repository / "names.py").write_text("another")
    keys.append(_key())
    (repository / "package/inner/one.py").write_text("another")
    keys.append(_key())
    (repository / "package/inner/two.py").write_text("new")
    keys.append(_key())
    (repository / "package/inner/two.py").rename(repository / "package/inner/three.py")
    keys.append(_key())
    assert len({*keys}) == 5


def test_an_image_on_top_follows_the_sources_of_its_base(repository: Path) -> None:
    image_folders.write("ground", 'sources = ["names.py"]\n')
    image_folders.write("app", 'base = "ground"\n')
    before = _key()
    (repository / "names.py").write_text("another")
    assert _key() != before


@pytest.mark.parametrize("name", ["absent.py", "absent", "package/inner/two.py", "empty"])
def test_a_source_that_is_not_there_is_named(repository: Path, name: str) -> None:
    (repository / "empty").mkdir()
    image_folders.write("app", f'sources = ["names.py", "{name}"]\n')
    with pytest.raises(UpstreamError) as refused:
        image_recipe.load("app")
    assert str(refused.value) == (
        f"images/app/image.toml: sources: {name} is neither a file nor a folder of this repository"
    )


def test_the_delivery_controller_holds_all_that_it_imports() -> None:
    context = image_recipe.load("delivery-controller").context
    imported: set[str] = set()
    left = ["delivery/rollouts/__main__.py"]
    while left:
        name = left.pop()
        if name in imported:
            continue
        imported.add(name)
        left += _imports(name)
    assert len(imported) > 10
    assert imported - context.keys() == set()


def _imports(name: str) -> list[str]:
    """Return the files of this repository that a module imports."""
    root = image_recipe.FOLDER.parent
    found: list[str] = []
    for node in ast.walk(ast.parse((root / name).read_text())):
        names = [each.name for each in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module:
            names = [node.module, *(f"{node.module}.{each.name}" for each in node.names)]
        for module in names:
            path = module.replace(".", "/")
            files = (f"{path}.py", f"{path}/__init__.py")
            found += [each for each in files if (root / each).is_file()]
    return found


@pytest.mark.usefixtures("folders")
def test_bases_come_before_the_images_on_top_of_them() -> None:
    image_folders.write("ground")
    image_folders.write("middle", 'base = "ground"\n')
    image_folders.write("top", 'base = "middle"\n')
    ordered = image_recipe.with_bases(["top", "ground"])
    assert [image.name for image in ordered] == ["ground", "middle", "top"]


@pytest.mark.usefixtures("folders")
def test_images_on_demand_are_not_built_before_a_stack_wants_them() -> None:
    image_folders.write("plain")
    image_folders.write("rare", 'base = "plain"\non-demand = true\n')
    assert image_recipe.without_upstream() == ["plain"]


@pytest.mark.usefixtures("folders")
def test_an_image_has_the_programs_of_its_base() -> None:
    image_folders.write("plain")
    image_folders.write("tool", 'programs = ["tool"]\n')
    image_folders.write("file", '[modules]\nconfig = "example:example.org/module/config"\n')
    image_folders.write("on-plain", 'base = "plain"\n')
    image_folders.write("on-tool", 'base = "tool"\n')
    assert image_recipe.without_upstream() == ["on-plain", "plain"]
    assert [each.name for each in image_recipe.all_images() if image_recipe.has_programs(each.name)] == [
        "on-tool",
        "tool",
    ]


@pytest.mark.usefixtures("folders")
def test_a_circle_of_bases_is_named() -> None:
    image_folders.write("a", 'base = "b"\n')
    image_folders.write("b", 'base = "a"\n')
    for read in (lambda: image_recipe.with_bases(["a"]), lambda: image_recipe.key("a")):
        with pytest.raises(UpstreamError, match="a -> b -> a"):
            read()


@pytest.mark.usefixtures("folders")
def test_equal_packages_of_debian_make_an_equal_key_whenever_they_were_locked() -> None:
    def key(lock: str) -> str:
        image_folders.write("app", **{image_recipe.DEBIAN_LOCK: lock})
        return image_recipe.key("app")

    assert key("# app: yesterday\nbash 1 abc x\n") == key("# app: today\nbash 1 abc x\n")
    assert key("# app: today\nbash 2 abc x\n") != key("# app: today\nbash 1 abc x\n")


@pytest.mark.usefixtures("folders")
@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("bases = 1", r"unknown keys \['bases'\]"),
        ("base = ", "image.toml: Invalid value"),
        ("programs = [1]", "expected a list of texts"),
        ('[python]\ngroups = ["a"]\nrequirements = "b"', "exactly one of groups, shared-by, requirements"),
        ("[python]\nrequirements = 1", "exactly one of groups, shared-by, requirements"),
        ('[debian]\nsuite = "bookworm"', r"needs \['packages', 'suite', 'variant'\], may have hooks"),
        ('base = "b"\n[debian]\npackages = []\nsuite = "x"', r"needs \['packages'\], may have alone"),
        ('[modules]\nconfig = "nothing"', "expected PROJECT:MODULE/PATH"),
    ],
)
def test_a_wrong_declaration_is_refused_by_name(toml: str, message: str) -> None:
    image_folders.write("app", toml)
    with pytest.raises(UpstreamError, match=message) as error:
        image_recipe.load("app")
    assert "images/app/image.toml" in str(error.value)


def test_an_unknown_image_names_the_file_it_lacks() -> None:
    with pytest.raises(UpstreamError, match="expected images/nothing/Dockerfile"):
        image_recipe.load("nothing")


def test_every_image_of_this_repository_is_well_formed() -> None:
    images = image_recipe.all_images()
    assert {"workload", "mlflow-server", "serving-runtime", "pause"} <= {image.name for image in images}
    for image in image_recipe.with_bases([image.name for image in images]):
        dockerfile = (image.folder / "Dockerfile").read_text()
        assert ("ARG BASE_IMAGE" in dockerfile) == (image.base is not None), image.name
        for program in image.programs:
            assert f"programs/{program}" in dockerfile, image.name
        is_root = "\nUSER" not in dockerfile and image.base is None
        # Those of python answer under a public name, whose image runs as root unless the pod says otherwise.
        allowed = image.name == "volume-helper" or image.name.startswith("python-")
        assert not is_root or allowed, f"{image.name} runs as root"
        assert os.access(image.folder / "Dockerfile", os.R_OK)
