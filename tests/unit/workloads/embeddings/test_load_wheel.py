"""The step that loads a published model."""

import hashlib
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from workloads.embeddings import commands, load_wheel

LOAD: Any = load_wheel.load_wheel
SHA256 = hashlib.sha256(b"wheel").hexdigest()


@pytest.fixture
def wheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(load_wheel, "download", lambda _, file: file.write_bytes(b"wheel"))
    return dsl.Artifact(uri=str(tmp_path / "folder/wheel"))


def test_the_wheel_is_kept_as_it_is_with_its_digest(wheel: Any) -> None:
    assert LOAD.python_func(data=commands.DATA, data_sha256=SHA256, wheel=wheel) == (SHA256,)
    assert Path(wheel.path).read_bytes() == b"wheel"
    assert wheel.metadata["sha256"] == SHA256


@pytest.mark.parametrize("given", ["", "0" * 64])
def test_a_wheel_with_another_sha256_is_refused(wheel: Any, given: str) -> None:
    with pytest.raises(ValueError, match="it is not the model that was chosen") as refused:
        LOAD.python_func(data=commands.DATA, data_sha256=given, wheel=wheel)
    assert str(refused.value) == (
        f"data {commands.DATA}: has SHA-256 {SHA256}, not {given}; "
        "it is not the model that was chosen: ask who runs the package index"
    )
