import functools
import os
import sys
from pathlib import Path

import pytest

from images import ImagesError, buildah, store
from tests.unit.images import debian
from tests.unit.images.conftest import MakeImage
from tests.unit.images.debian import Debian
from upstream import image_recipe
from upstream.cache import UpstreamError

# Notes its arguments, and on `push` writes the layout of an image whose one layer lists the build's context.
_BUILDAH = """\
import json, os, pathlib, sys
sys.path.insert(0, {here!r})
from layouts import write_layout
arguments = sys.argv[1:]
arguments = arguments[arguments.index('overlay') + 1:]
folder = pathlib.Path({folder!r})
with (folder / 'calls').open('a') as calls:
    calls.write(' '.join(arguments) + '\\n')
if arguments[0] == 'bud':
    context = pathlib.Path(arguments[-1])
    files = sorted(str(path.relative_to(context)) for path in context.rglob('*') if not path.is_dir())
    (folder / 'context').write_text(json.dumps(files))
    if (context / 'broken').exists():
        sys.exit('step 3 failed')
elif arguments[0] == 'push':
    layer = (folder / 'context').read_bytes()
    write_layout(pathlib.Path(arguments[-1].split(':')[1]), layer)
elif arguments[0] == 'inspect':
    sys.exit(0 if (folder / 'base-present').exists() else 125)
"""


@pytest.fixture
def calls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put stand-ins for buildah and mmdebstrap on PATH; return the file that lists buildah's calls."""
    folder = tmp_path / "bin"
    folder.mkdir()
    here = str(Path(__file__).parent)
    scripts = {
        "buildah": _BUILDAH.format(here=here, folder=str(tmp_path)),
        "mmdebstrap": (
            "import pathlib, sys\npathlib.Path(sys.argv[-2]).touch()\n"
            f"pathlib.Path({str(tmp_path / 'mmdebstrap')!r}).write_text(' '.join(sys.argv[1:]))\n"
        ),
    }
    for name, text in scripts.items():
        (folder / name).write_text(f"#!{sys.executable} -IS\n{text}")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return tmp_path / "calls"


def _layer(name: str) -> str:
    return store.blob_path(store.require(name).blobs[1].digest).read_text()


def test_a_build_is_stored_and_leaves_only_its_blobs(calls: Path, cache: Path, make_image: MakeImage) -> None:
    make_image("app", settings="x")
    with buildah.builder() as builder:
        builder.build(image_recipe.load("app"))
    assert "settings" in _layer("app")
    assert not (cache / "images" / "work").exists()
    built, pushed, *_ = calls.read_text().splitlines()
    assert built.startswith("bud --isolation chroot --timestamp 0 --pull-never --tag localhost/plinth/app:")
    assert "--compression-format zstd" in pushed


def test_the_context_holds_programs(
    calls: Path, tmp_path: Path, make_image: MakeImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "tool"
    program.write_text("program")
    monkeypatch.setattr(buildah, "binary", lambda _: program)
    monkeypatch.setattr(image_recipe, "key", functools.cache(lambda _: "0123"))
    make_image("app", 'programs = ["tool"]\n')
    with buildah.builder() as builder:
        builder.build(image_recipe.load("app"))
    assert '"programs/tool"' in _layer("app")
    assert calls.exists()


def test_a_root_file_system_is_made_of_locked_packages_alone(
    calls: Path, tmp_path: Path, mirror: Debian, make_image: MakeImage
) -> None:
    packages = [mirror.publish("libc6", "1"), mirror.publish("python3", "2")]
    make_image("app", debian.TABLE)
    debian.write_lock("app", *packages)
    with buildah.builder() as builder:
        builder.build(image_recipe.load("app"))
    assert '"rootfs.tar"' in _layer("app")
    assert "debs" not in _layer("app")
    asked = (tmp_path / "mmdebstrap").read_text()
    assert "--include=libc6,python3 --variant=minbase" in asked
    assert asked.endswith("context/app/debs ./")
    assert "deb [trusted=yes] copy:" in asked
    # No index was read: nothing but the lock says what there is.
    assert sorted(mirror.asked) == [f"/{package.path}" for package in packages]
    assert calls.exists()


def test_an_image_on_a_base_gets_packages_as_files(
    calls: Path, mirror: Debian, make_image: MakeImage
) -> None:
    make_image("ground")
    make_image("app", 'base = "ground"\n[debian]\npackages = ["server"]\n')
    debian.write_lock("app", mirror.publish("server", "1"))
    with buildah.builder() as builder:
        builder.build(image_recipe.load("ground"))
        builder.build(image_recipe.load("app"))
    assert '"debs/server_1_all.deb"' in _layer("app")
    assert "rootfs.tar" not in _layer("app")
    assert calls.exists()


def test_a_lock_is_renewed_only_when_debian_has_replaced_a_package(
    mirror: Debian, make_image: MakeImage, capsys: pytest.CaptureFixture[str]
) -> None:
    old, kept = mirror.publish("libc6", "1"), mirror.publish("python3", "2")
    make_image("app", debian.TABLE)
    debian.write_lock("app", old, kept)
    mirror.list(mirror.publish("libc6", "1.1"), kept)
    key = image_recipe.key("app")
    with buildah.builder() as builder:
        # The index has a newer one already, but what is locked can still be had.
        assert not builder.settle(image_recipe.load("app"))
    assert image_recipe.key("app") == key
    del mirror.files[f"/{old.path}"]
    with buildah.builder() as builder:
        assert builder.settle(image_recipe.load("app"))
        assert not builder.settle(image_recipe.load("app"))
    assert image_recipe.key("app") != key
    (line,) = capsys.readouterr().err.splitlines()
    assert line == "images: Debian has replaced libc6 1: images/app/packages.lock is renewed, commit it"


def test_a_mirror_that_lists_what_it_does_not_have_is_named(mirror: Debian, make_image: MakeImage) -> None:
    package = mirror.publish("libc6", "1")
    make_image("app", debian.TABLE)
    debian.write_lock("app", package)
    mirror.list(package)
    mirror.files.clear()
    with buildah.builder() as builder:
        with pytest.raises(ImagesError, match="image app: the mirror lists libc6 1 but has no file of it"):
            builder.settle(image_recipe.load("app"))
        with pytest.raises(ImagesError, match="no longer has libc6 1: run `python -m images lock app`"):
            builder.build(image_recipe.load("app"))


def test_the_context_has_the_files_that_the_key_covers_with_modes_and_links(
    calls: Path, cache: Path, make_image: MakeImage
) -> None:
    folder = make_image("app", **{"run.sh": "x", "NOTES.md": "x", "requirements.in": "x"})
    (folder / "run.sh").chmod(0o755)
    (folder / "manager").symlink_to("operator/manager")
    image_recipe.load.cache_clear()
    context = cache / "context"
    with buildah.builder() as builder:
        builder._fill(image_recipe.load("app"), context, cache / "logs" / "image-app.log")
    assert sorted(path.name for path in context.iterdir()) == [
        "Dockerfile",
        "image.toml",
        "manager",
        "run.sh",
    ]
    assert (context / "run.sh").stat().st_mode & 0o111
    assert str((context / "manager").readlink()) == "operator/manager"
    assert not calls.exists()


def test_a_file_of_no_pinned_module_is_refused(make_image: MakeImage) -> None:
    make_image("app", '[modules]\nconfig = "registry:example.org/nothing/config"\n')
    with pytest.raises(ImagesError, match="is in no module of upstream/registry"):
        buildah.module_path(image_recipe.load("app"), "registry", "example.org/nothing/config")
    with pytest.raises(UpstreamError):
        buildah.module_path(image_recipe.load("app"), "no-such-project", "x")


def test_prepare_completes_the_context(calls: Path, make_image: MakeImage) -> None:
    prepare = "import pathlib, sys\n(pathlib.Path(sys.argv[1]) / 'made').write_text('x')\n"
    make_image("app", **{"prepare.py": prepare})
    with buildah.builder() as builder:
        builder.build(image_recipe.load("app"))
    assert '"made"' in _layer("app")
    assert calls.exists()


@pytest.mark.parametrize("present", [True, False])
def test_a_base_is_loaded_from_the_store_when_buildah_lacks_it(
    calls: Path, tmp_path: Path, make_image: MakeImage, present: bool
) -> None:
    make_image("ground")
    make_image("app", 'base = "ground"\n')
    with buildah.builder() as builder:
        builder.build(image_recipe.load("ground"))
        if present:
            (tmp_path / "base-present").touch()
        builder.build(image_recipe.load("app"))
    text = calls.read_text()
    assert ("pull --quiet oci:ground:image" in text) != present
    assert f"--build-arg BASE_IMAGE=localhost/plinth/ground:{image_recipe.key('ground')}" in text


def test_a_failed_build_shows_its_last_lines_and_stores_nothing(
    calls: Path, cache: Path, make_image: MakeImage
) -> None:
    make_image("app", broken="x")
    with buildah.builder() as builder, pytest.raises(ImagesError, match="step 3 failed") as error:
        builder.build(image_recipe.load("app"))
    assert "image app: buildah failed (exit 1)" in str(error.value)
    assert store.find("app") is None
    assert not (cache / "images" / "work").exists()
    assert calls.exists()


def test_a_missing_tool_is_named(
    make_image: MakeImage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    make_image("app")
    monkeypatch.setattr(buildah.Builder, "clean", lambda _: None)
    with buildah.builder() as builder, pytest.raises(ImagesError, match="buildah is not installed"):
        builder.build(image_recipe.load("app"))
