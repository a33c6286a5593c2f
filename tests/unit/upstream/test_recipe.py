"""A project's recipe: versions from go.mod alone, keys from content."""

from pathlib import Path

import pytest

from upstream import recipe
from upstream.cache import UpstreamError

pytestmark = pytest.mark.unit

GO_MOD = """module plinth/upstream/example

go 1.26.0

require example.org/single v1.2.3

require (
	example.org/direct v0.4.0
	example.org/far/v2 v2.0.1-0.20250101000000-abcdefabcdef // indirect
)

replace (
	example.org/direct => example.org/fork v9.9.9
	example.org/single => example.org/single v1.2.1
	example.org/not-required => example.org/not-required v1.0.0
)

replace example.org/other => ./generated/other
"""


def write(folder: Path, recipe_toml: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / "go.mod").write_text(GO_MOD)
    (folder / "recipe.toml").write_text(recipe_toml)


def test_versions_come_from_requires_and_from_replaces_of_nothing_but_the_version() -> None:
    assert recipe.parse_versions(GO_MOD) == {
        "example.org/single": "v1.2.1",
        "example.org/direct": "v0.4.0",
        "example.org/far/v2": "v2.0.1-0.20250101000000-abcdefabcdef",
    }


def test_projects_of_one_minor_version_of_the_client_library_are_a_family(projects: Path) -> None:
    versions = {"one": "v0.34.2", "two": "v0.34.5", "other": "v0.36.3", "none": ""}
    for name, version in versions.items():
        write(projects / name, "")
        with (projects / name / "go.mod").open("a") as go_mod:
            go_mod.write(f"require k8s.io/client-go {version}\n" if version else "")
    families = {name: recipe.load(name).family for name in versions}
    assert families["one"] == families["two"]
    assert len(set(families.values())) == 3


def test_placeholders_take_the_pinned_version(projects: Path) -> None:
    write(
        projects / "example",
        '[programs.tool]\npackage = "example.org/single"\n'
        'ldflags = "-X a={version:example.org/single} -X b={bare:example.org/single}'
        ' -X c={major:example.org/single}.{minor:example.org/single}"\n',
    )
    assert recipe.load("example").programs[0].ldflags == "-X a=v1.2.1 -X b=1.2.1 -X c=1.2"


def test_a_placeholder_of_an_unpinned_module_is_named(projects: Path) -> None:
    write(projects / "example", '[programs.tool]\npackage = "."\nldflags = "{version:example.org/none}"\n')
    with pytest.raises(
        UpstreamError, match=r"\{version:example.org/none\} names a module that go.mod does not require"
    ):
        recipe.load("example")


def test_an_unknown_key_is_named(projects: Path) -> None:
    write(projects / "example", '[programs.tool]\npackage = "."\nflags = "x"\n')
    with pytest.raises(UpstreamError, match=r"unknown keys: \['flags'\]"):
        recipe.load("example")


def test_broken_toml_names_the_file(projects: Path) -> None:
    write(projects / "example", "[programs\n")
    with pytest.raises(UpstreamError, match=r"upstream/example/recipe.toml"):
        recipe.load("example")


def test_an_unknown_project_names_the_place(projects: Path) -> None:
    with pytest.raises(
        UpstreamError, match=r"no upstream project 'nothing': expected upstream/nothing/go.mod"
    ):
        recipe.load("nothing")


def test_the_key_follows_content_and_compiler_but_not_notes(projects: Path) -> None:
    folder = projects / "example"
    write(folder, '[programs.tool]\npackage = "."\n')
    first = recipe.load("example").key("go1.26.8")
    assert recipe.load("example").key("go1.26.9") != first
    (folder / "notes.md").write_text("read me")
    recipe.load.cache_clear()
    assert recipe.load("example").key("go1.26.8") == first
    (folder / "main.go").write_text("package main")
    recipe.load.cache_clear()
    assert recipe.load("example").key("go1.26.8") != first


def test_every_committed_recipe_loads_and_no_program_has_two_owners() -> None:
    recipe.load.cache_clear()
    programs = [program.name for project in recipe.all_projects() for program in project.programs]
    assert programs
    assert len(programs) == len(set(programs))
