"""One folder outside the repository, wherever the user wants it."""

import os
from pathlib import Path

import pytest

from upstream import cache


@pytest.mark.parametrize(
    ("plinth", "xdg", "expected"),
    [("here", "there", "here"), (None, "there", "there/plinth"), (None, None, "home/.cache/plinth")],
)
def test_the_most_explicit_place_wins(
    plinth: str | None, xdg: str | None, expected: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for variable, value in (("PLINTH_CACHE", plinth), ("XDG_CACHE_HOME", xdg)):
        if value is None:
            monkeypatch.delenv(variable, raising=False)
        else:
            monkeypatch.setenv(variable, str(tmp_path / value))
    assert cache.cache_root() == tmp_path / expected


def test_what_a_build_leaves_is_apart_from_what_is_read_later(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    assert cache.modules_cache().parent == cache.build_cache().parent == tmp_path
    assert cache.modules_cache() != cache.build_cache()


def test_a_write_leaves_no_draft(tmp_path: Path) -> None:
    cache.write_atomically(tmp_path / "a" / "file", "text")
    assert [path.name for path in (tmp_path / "a").iterdir()] == ["file"]


def test_a_link_is_led_elsewhere_past_a_draft_that_a_crash_left(tmp_path: Path) -> None:
    link = tmp_path / "a" / "latest"
    cache.link_atomically(link, "first")
    (link.parent / f".latest.{os.getpid()}").symlink_to("nowhere")
    cache.link_atomically(link, "second")
    assert link.readlink() == Path("second")
    assert [path.name for path in link.parent.iterdir()] == ["latest"]


@pytest.fixture
def as_root(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    place = tmp_path / "around" / "cache"
    place.mkdir(parents=True)
    monkeypatch.setenv("PLINTH_CACHE", str(place))
    return place


needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root may give files away")


@needs_root
@pytest.mark.parametrize("whose", ["cache", "around"])
def test_root_runs_nothing_from_a_folder_of_somebody_else(as_root: Path, whose: str) -> None:
    os.chown(as_root if whose == "cache" else as_root.parent, 12345, 0)
    with pytest.raises(cache.UpstreamError, match=rf"{whose} belongs to user 12345; set PLINTH_CACHE to"):
        cache.cache_root()


@needs_root
@pytest.mark.parametrize(("mode", "group"), [(0o777, 0), (0o702, 0), (0o775, 12345)])
def test_root_runs_nothing_that_others_may_write(as_root: Path, mode: int, group: int) -> None:
    os.chown(as_root, 0, group)
    as_root.chmod(mode)
    with pytest.raises(cache.UpstreamError, match=rf"write to .*cache .mode {mode:o}.; set PLINTH_CACHE"):
        cache.cache_root()


@needs_root
def test_a_sticky_folder_around_it_and_the_group_of_root_are_trusted(as_root: Path) -> None:
    as_root.parent.chmod(0o1777)
    as_root.chmod(0o775)
    assert cache.cache_root() == as_root


def test_whose_programs_anybody_else_runs_is_theirs_to_decide(
    as_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    as_root.chmod(0o777)
    assert cache.cache_root() == as_root
