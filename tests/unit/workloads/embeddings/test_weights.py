"""Files of weights."""

from pathlib import Path

import numpy as np
import pytest

from tests.fixtures import encoders
from workloads.embeddings.weights import read_weights


def test_tensors_are_read_with_every_bit(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    wanted = {**encoders.random_weights(), "ids": np.arange(6).reshape(2, 3)}
    file.write_bytes(encoders.safetensors(wanted))
    found = read_weights(file)
    assert found.keys() == wanted.keys()
    assert all(np.array_equal(found[name], each) for name, each in wanted.items())


def test_half_precision_becomes_single(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(encoders.safetensors({"w": np.array([0.5, 3.0], dtype="float16")}))
    found = read_weights(file)["w"]
    assert (found.dtype, found.tolist()) == (np.dtype("float32"), [0.5, 3.0])


def test_a_file_that_cannot_be_meant_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "model.safetensors"
    file.write_bytes(encoders.safetensors({"w": np.array([0.5])}))
    with pytest.raises(ValueError, match=r"^model\.safetensors: w is F64; give weights in F32 or F16$"):
        read_weights(file)
    file.write_bytes(encoders.safetensors({"w": np.zeros(4, dtype="float32")})[:-1])
    with pytest.raises(ValueError, match=r"^model\.safetensors: ends before w does; download it again$"):
        read_weights(file)
