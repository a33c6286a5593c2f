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
