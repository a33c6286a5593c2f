"""Copies of modules: the build folder uses them, and they lack what is left out."""

import os
import zipfile
from collections.abc import Generator
from pathlib import Path

import pytest

from upstream import go
from upstream.cache import UpstreamError
from upstream.copies import copied, extended, replaced

pytestmark = pytest.mark.unit

MODULE = "example.org/module"
FILES = {
    "go.mod": f"module {MODULE}\n\ngo 1.26.0\n",
    "kept/kept.go": "package kept\n",
    "left/out.go": "package left\n",
    "left/deeper/out.go": "package deeper\n",
    "leftover/kept.go": "package leftover\n",
}


@pytest.fixture
def build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[Path]:
    """Make a build folder that pins the module of a proxy made of files."""
    proxy = tmp_path / "proxy" / MODULE / "@v"
    proxy.mkdir(parents=True)
    (proxy / "v1.0.0.info").write_text('{"Version": "v1.0.0"}')
    (proxy / "v1.0.0.mod").write_text(FILES["go.mod"])
    with zipfile.ZipFile(proxy / "v1.0.0.zip", "w") as archive:
        for name, text in FILES.items():
            archive.writestr(f"{MODULE}@v1.0.0/{name}", text)
    monkeypatch.setenv("GOPROXY", f"file://{tmp_path / 'proxy'}")
    monkeypatch.setenv("GONOSUMDB", MODULE)
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "mod"))
    # The sum of a module made here is unknown: Go may write it down.
    monkeypatch.setattr(go, "environment", lambda *_: {**os.environ, "GOFLAGS": "-mod=mod"})
    folder = tmp_path / "build"
    folder.mkdir()
    (folder / "go.mod").write_text(f"module plinth/build\n\ngo 1.26.0\n\nrequire {MODULE} v1.0.0\n")
    yield folder
    go.run(["clean", "-modcache"], cwd=folder, module_cache=None)


def test_the_build_uses_a_copy_that_lacks_what_is_left_out(build: Path) -> None:
    copy = copied(build, MODULE, without=("left",))
    assert {str(path.relative_to(copy)) for path in copy.rglob("*") if path.is_file()} == {
        "go.mod",
        "kept/kept.go",
        "leftover/kept.go",
    }
    used = go.run(["list", "-m", "-f", "{{.Dir}}", MODULE], cwd=build, module_cache=None).strip()
    assert Path(used) == copy


def test_a_module_that_is_not_pinned_is_named(build: Path) -> None:
    with pytest.raises(UpstreamError, match=r"example\.org/none"):
        copied(build, "example.org/none")


def test_lines_are_added_after_a_text_that_occurs_once(tmp_path: Path) -> None:
    file = tmp_path / "operator.go"
    file.write_text("one\ntwo\nthree\n")
    extended(file, after="two\n", add="and a half\n")
    assert file.read_text() == "one\ntwo\nand a half\nthree\n"


def test_a_text_that_occurs_once_is_replaced(tmp_path: Path) -> None:
    file = tmp_path / "operator.go"
    file.write_text("one\ntwo\nthree\n")
    replaced(file, "two\n", by="2\n")
    assert file.read_text() == "one\n2\nthree\n"


@pytest.mark.parametrize(("text", "times"), [("one\n", 0), ("two\ntwo\n", 2)])
def test_a_text_that_upstream_changed_is_told(tmp_path: Path, text: str, times: int) -> None:
    file = tmp_path / "operator.go"
    file.write_text(text)
    with pytest.raises(UpstreamError, match=rf"operator\.go: holds 'two' {times} times"):
        extended(file, after="two\n", add="more\n")
    assert file.read_text() == text
