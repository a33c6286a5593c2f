"""Tensors of v2 requests, as JSON and as raw bytes behind it."""

import struct
from typing import Any

import numpy as np
import pytest
from predictor import tensors
from predictor.errors import RequestError


def tensor(datatype: str, shape: Any, data: Any = None, **parameters: Any) -> dict[str, Any]:
    described = {"name": "x", "datatype": datatype, "shape": shape, "parameters": parameters}
    return described if data is None else {**described, "data": data}


@pytest.mark.parametrize("data", [[1, 2, 3, 4, 5, 6], [[1, 2, 3], [4, 5, 6]]])
def test_data_may_be_flat_or_nested(data: Any) -> None:
    (read,) = tensors.from_json([tensor("FP64", [2, 3], data)])
    assert (read.name, read.array.tolist()) == ("x", [[1, 2, 3], [4, 5, 6]])


@pytest.mark.parametrize(
    ("array", "datatype"),
    [
        (np.array([[0.1, -0.0], [5e-324, 1e308]]), "FP64"),
        (np.array([1.5, 2.0], dtype="float16"), "FP16"),
        (np.array([2**63], dtype="uint64"), "UINT64"),
        (np.array([True, False]), "BOOL"),
    ],
)
def test_raw_numbers_arrive_bit_for_bit_and_may_be_written_to(array: Any, datatype: str) -> None:
    raw = tensors.to_bytes(array)
    (read,) = tensors.from_json([tensor(datatype, list(array.shape), binary_data_size=len(raw))], raw)
    assert (read.array.tobytes(), read.array.dtype) == (array.tobytes(), array.dtype)
    read.array[:] = 0


def test_raw_texts_have_their_lengths_before_them() -> None:
    texts = np.array(["Łódź", b"\x00\xff"], dtype=object)
    raw = tensors.to_bytes(texts)
    assert raw == struct.pack("<I", 7) + "Łódź".encode() + struct.pack("<I", 2) + b"\x00\xff"
    (read,) = tensors.from_json([tensor("BYTES", [2], binary_data_size=len(raw))], raw)
    assert read.array.tolist() == ["Łódź".encode(), b"\x00\xff"]


def test_raw_and_json_tensors_share_a_request() -> None:
    first = {**tensor("INT32", [1], binary_data_size=4), "name": "a"}
    second = {**tensor("INT32", [1], [7]), "name": "b"}
    third = {**tensor("INT32", [1], binary_data_size=4), "name": "c"}
    read = tensors.from_json([first, second, third], struct.pack("<ii", 5, 9))
    assert {each.name: each.array.tolist() for each in read} == {"a": [5], "b": [7], "c": [9]}


@pytest.mark.parametrize(
    ("inputs", "payload", "message"),
    [
        ([], b"", "non-empty list of tensors"),
        ([[]], b"", "must be an object"),
        ([{"name": "x"}], b"", "lacks shape, datatype, data"),
        ([tensor("FP64", [1, 3], [1, 2])], b"", r"'x': shape \[1, 3\] needs 3 values, data has 2"),
        ([tensor("FP64", [-1, 3], [1, 2, 3])], b"", "whole numbers"),
        ([tensor("FP64", "1x3", [1])], b"", "whole numbers"),
        ([tensor("FP64", [1] * 70, [1])], b"", "more than 64 dimensions"),
        ([tensor("FP64", [1], "1")], b"", "data must be a list"),
        ([tensor("DOUBLE", [1], [1])], b"", "is DOUBLE: there are BOOL"),
        ([tensor("FP64", [1], ["1"])], b"", "'x': a value is a string"),
        ([tensor("BYTES", [1], [1])], b"", "a number: the model takes text"),
        ([tensor("UINT8", [1], [300])], b"", "does not fit UINT8"),
        ([tensor("FP64", [1], [1]), tensor("FP64", [1], [1])], b"", "names of their own"),
        ([{**tensor("FP64", [1], [1]), "name": ["x"]}], b"", "must be a string"),
        ([tensor("FP64", [1], binary_data_size=8)], b"\0" * 7, "take 8 bytes, not 7"),
        ([tensor("FP64", [2], binary_data_size=8)], b"\0" * 8, "take 16 bytes, not 8"),
        ([tensor("FP64", [1], binary_data_size=-8)], b"", "whole number of bytes"),
        ([tensor("FP64", [1], [1])], b"more", "adds up to 0 bytes: 4 follow"),
        ([tensor("BYTES", [1], binary_data_size=5)], b"\x09\0\0\0a", "a text is cut off"),
        ([tensor("BYTES", [1], binary_data_size=2)], b"\x09\0", "a text is cut off"),
        ([tensor("BOOL", [1], binary_data_size=1)], b"\x02", "0 or 1"),
    ],
)
def test_malformed_tensors_are_refused_with_the_reason(inputs: Any, payload: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        tensors.from_json(inputs, payload)
