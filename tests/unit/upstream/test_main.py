"""The command line: what is missing is built, in an order that compiles nothing twice."""

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from upstream import __main__, build, modules, recipe
from upstream.cache import UpstreamError

pytestmark = pytest.mark.unit

Build = Callable[[recipe.Project], None]


@pytest.fixture
def built(projects: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Build], list[str]]:
    """Give three projects, two of one family, and a way to script and observe builds."""
    monkeypatch.setattr(modules, "download", lambda project: None)  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    for name, client_go, seconds in (("alone", "", 9), ("first", "v0.36.3", 8), ("second", "v0.36.3", 7)):
        folder = projects / name
        folder.mkdir()
        require = f"require k8s.io/client-go {client_go}\n" if client_go else ""
        (folder / "go.mod").write_text(f"module plinth/upstream/{name}\n\ngo 1.26.0\n\n{require}")
        (folder / "recipe.toml").write_text(
            f'[build]\nseconds = {seconds}\n\n[programs.{name}]\npackage = "."\n'
        )

    def say(work: Build) -> list[str]:
        done: list[str] = []

        def one(project: recipe.Project, on_start: Callable[[], None]) -> float:
            on_start()
            work(project)
            done.append(project.name)
            return 1.0

        monkeypatch.setattr(build, "build", one)
        return done

    return say


def test_projects_of_one_family_take_turns_while_another_builds(built: Callable[[Build], list[str]]) -> None:
    families = {"client-go v0.36": threading.Lock(), "alone": threading.Lock()}
    both_at_once = threading.Barrier(2, timeout=10)

    def work(project: recipe.Project) -> None:
        assert families[project.family].acquire(blocking=False)
        if project.name in ("alone", "first"):
            both_at_once.wait()
        families[project.family].release()

    done = built(work)
    assert __main__.main(["build"]) == 0
    assert sorted(done) == ["alone", "first", "second"]
    assert done.index("first") < done.index("second")


def test_a_failed_build_is_reported_and_the_others_are_built(
    built: Callable[[Build], list[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    def work(project: recipe.Project) -> None:
        if project.name == "alone":
            raise UpstreamError("upstream/alone: no space left on device")

    done = built(work)
    assert __main__.main(["build"]) == 1
    shown = capsys.readouterr()
    assert shown.err == "error: upstream/alone: no space left on device\n"
    assert "alone failed" in shown.out
    assert done == ["first", "second"]
