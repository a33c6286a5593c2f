"""The builder: built once, kept whole, never half."""

import fcntl
from dataclasses import replace
from pathlib import Path

import pytest

from upstream import build, go, recipe
from upstream.cache import UpstreamError, build_cache, cache_root

pytestmark = pytest.mark.unit

MAIN = 'package main\n\nvar version = "unset"\n\nfunc main() { println(version) }\n'


@pytest.fixture
def project(projects: Path) -> recipe.Project:
    folder = projects / "example"
    folder.mkdir()
    (folder / "go.mod").write_text("module plinth/upstream/example\n\ngo 1.26.0\n")
    (folder / "main.go").write_text(MAIN)
    (folder / "recipe.toml").write_text('[programs.example]\npackage = "."\nldflags = "-X main.version=7"\n')
    return recipe.load("example")


def test_a_program_is_built_once(project: recipe.Project) -> None:
    assert build.build(project) > 0
    built = build.binary("example")
    stamp = built.stat().st_mtime_ns
    assert build.build(project) == 0.0
    assert built.stat().st_mtime_ns == stamp


def test_a_missing_program_names_the_command_that_builds_it(project: recipe.Project) -> None:
    with pytest.raises(UpstreamError, match="example is not built: run `python -m upstream build example`"):
        build.binary("example")


def test_a_build_that_died_half_way_is_replaced(project: recipe.Project) -> None:
    final = cache_root() / "bin" / "example"
    partial = final / f"{project.key(go.go_version())}.partial"
    partial.mkdir(parents=True)
    (partial / "example").write_text("half")
    assert not build.is_built(project)
    build.build(project)
    assert build.binary("example").read_bytes()[:4] == b"\x7fELF"
    assert not partial.exists()


def test_a_compile_error_is_shown_and_leaves_nothing_behind(project: recipe.Project) -> None:
    (project.folder / "main.go").write_text("package main\n\nfunc main() { missing() }\n")
    with pytest.raises(UpstreamError, match="undefined: missing"):
        build.build(project)
    assert not build.is_built(project)
    assert not list((build_cache() / "work").iterdir())


def test_tidy_leaves_a_running_build_alone(project: recipe.Project) -> None:
    build.build(project)
    with (build_cache() / "slots" / "1").open("a") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert build.tidy() == 0
        assert (build_cache() / "gocache").is_dir()
    assert build.tidy() > 0
    assert not (build_cache() / "gocache").exists()
    assert build.tidy() == 0
    assert build.binary("example").is_file()


def test_builds_share_what_they_compiled_until_the_disk_is_short(
    project: recipe.Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def at_once() -> list[int]:
        return sorted(int(each.name) for each in (build_cache() / "gocache").iterdir() if each.is_dir())

    build.build(project)
    assert at_once() == [0]
    second = replace(project, name="second")
    with build._go_cache() as of_a_running_build:  # pyright: ignore[reportPrivateUsage]
        monkeypatch.setattr(build, "_WORTH_BYTES", 0)
        build.build(replace(project, name="with-enough-space"))
        assert at_once() == [0]
        monkeypatch.setattr(build, "_SPARE_BYTES", 1024**6)
        build.build(second)
        # What the running one may still read stays.
        assert at_once() == [0, 1]
        assert of_a_running_build.name == "0"
    assert at_once() == [1]
    assert build.is_built(project)
    assert build.is_built(second)
