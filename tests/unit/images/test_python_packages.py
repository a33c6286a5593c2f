import py_compile
import shutil
import sys
from pathlib import Path

import pytest

from images import ImagesError, python_packages
from tests.unit.images.conftest import MakeImage
from upstream import image_recipe
from upstream.image_recipe import Groups, Image, Lock, SharedBy

_LOCK = """\
# made by uv
boto3==1.40.0 \\
    --hash=sha256:aa \\
    --hash=sha256:bb
Flask_Cors==6.0 ; python_version >= '3.11' \\
    --hash=sha256:cc
    # via mlflow
--index-url https://example.org/simple
psycopg[binary]==3.2 --hash=sha256:dd
"""


@pytest.fixture
def fake_uv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Put a stand-in for uv on the path of the tools."""
    program = tmp_path / "cache" / "tools" / "bin" / "uv"
    program.parent.mkdir(parents=True)
    monkeypatch.setattr(python_packages, "uv", lambda: program)
    return program


def _script(path: Path, text: str) -> None:
    path.write_text(f"#!{sys.executable}\n{text}")
    path.chmod(0o755)


def test_a_lock_is_read_as_package_and_hashed_requirement() -> None:
    found = python_packages.parse(_LOCK)
    assert list(found) == ["boto3", "flask-cors", "psycopg"]
    assert found["boto3"] == "boto3==1.40.0 --hash=sha256:aa --hash=sha256:bb"


def _image(tmp_path: Path, python: Groups | SharedBy | Lock) -> Image:
    return Image(name="app", folder=tmp_path, python=python)


def test_a_lock_without_hash_is_refused(tmp_path: Path) -> None:
    (tmp_path / "lock").write_text("boto3==1.40.0\n")
    with pytest.raises(ImagesError, match="no hash for boto3"):
        python_packages.requirements(_image(tmp_path, Lock(file="lock")))


def test_a_missing_lock_names_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(ImagesError, match="uv pip compile --generate-hashes"):
        python_packages.requirements(_image(tmp_path, Lock(file="lock")))


def test_groups_are_joined_and_what_they_share_is_found(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    groups = {"a": {"one": "one==1", "two": "two==2"}, "b": {"two": "two==2", "three": "three==3"}}
    monkeypatch.setattr(python_packages, "_exported", groups.__getitem__)
    joined = python_packages.requirements(_image(tmp_path, Groups(names=("a", "b"))))
    shared = python_packages.requirements(_image(tmp_path, SharedBy(names=("a", "b"))))
    assert sorted(joined) == ["one", "three", "two"]
    assert shared == {"two": "two==2"}


def test_an_image_adds_only_what_its_base_lacks(make_image: MakeImage) -> None:
    one, two = "one==1 --hash=sha256:a\n", "two==2 --hash=sha256:b\n"
    make_image("ground", '[python]\nrequirements = "lock"\n', lock=one)
    make_image("base", 'base = "ground"\n')
    make_image("app", 'base = "base"\n[python]\nrequirements = "lock"\n', lock=one + two)
    assert list(python_packages.requirements(image_recipe.load("app"))) == ["two"]


def test_a_base_with_another_version_is_refused(make_image: MakeImage) -> None:
    make_image("base", '[python]\nrequirements = "lock"\n', lock="one==1 --hash=sha256:a\n")
    make_image("app", 'base = "base"\n[python]\nrequirements = "lock"\n', lock="one==2 --hash=sha256:b\n")
    with pytest.raises(ImagesError, match="one differs from the one in its base base"):
        python_packages.requirements(image_recipe.load("app"))


def test_without_uv_the_set_up_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(ImagesError, match="run `make setup`"):
        python_packages.uv()


def test_packages_are_pruned_and_their_commands_run_with_the_images_own_python(
    fake_uv: Path, tmp_path: Path
) -> None:
    _script(
        fake_uv,
        "import pathlib, sys\n"
        "target = pathlib.Path(sys.argv[sys.argv.index('--target') + 1])\n"
        "lock = pathlib.Path(sys.argv[sys.argv.index('--requirements') + 1])\n"
        "assert '--require-hashes' in sys.argv and lock.read_text() == 'one==1 --hash=sha256:a\\n'\n"
        "(target / 'pandas' / 'tests').mkdir(parents=True)\n"
        "(target / 'pandas' / 'tests' / 'test_x.py').write_text('x')\n"
        "(target / 'pandas' / '__init__.py').write_text('VALUE = 1\\n')\n"
        "(target / 'bin' / '__pycache__').mkdir(parents=True)\n"
        "(target / 'bin' / 'short').write_text('#!/somewhere/bin/python3.11\\nprint(1)\\n')\n"
        "long = target / 'bin' / 'long'\n"
        "long.write_text(\"#!/bin/sh\\n'''exec' '/a/python' \\\"$0\\\"\\n' '''\\nprint(2)\\n\")\n",
    )
    packages, scripts = tmp_path / "site-packages", tmp_path / "scripts"
    python_packages.install({"one": "one==1 --hash=sha256:a"}, packages, scripts)
    assert not (packages / "pandas" / "tests").exists()
    assert not (packages / "bin").exists()
    assert (scripts / "short").read_text() == "#!/usr/bin/python3\nprint(1)\n"
    assert (scripts / "long").read_text() == "#!/usr/bin/python3\nprint(2)\n"
    (compiled,) = (packages / "pandas" / "__pycache__").iterdir()
    flags = int.from_bytes(compiled.read_bytes()[4:8], "little")
    assert flags == py_compile.PycInvalidationMode.UNCHECKED_HASH.value - 2
    assert python_packages.INSTALLED.encode() in compiled.read_bytes()
    assert str(tmp_path).encode() not in compiled.read_bytes()


def test_a_failed_installation_shows_the_output_of_uv(fake_uv: Path, tmp_path: Path) -> None:
    _script(fake_uv, "import sys\nsys.exit('no such package')\n")
    with pytest.raises(ImagesError, match="no such package"):
        python_packages.install({}, tmp_path / "site-packages", tmp_path / "scripts")
