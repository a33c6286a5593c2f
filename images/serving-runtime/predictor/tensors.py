"""Tensors of the v2 protocol: JSON or, by the binary extension, raw bytes behind the JSON."""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain
from math import prod
from typing import Any

import numpy as np

from predictor import datatypes
from predictor.datatypes import MAX_DIMENSIONS, V2_DTYPES, Array, v2_datatype
from predictor.errors import RequestError

_LENGTH = struct.Struct("<I")


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """A tensor of a request; BYTES are an object array of texts, or of bytes if they came as such."""

    name: str
    array: Array


def from_json(inputs: Any, payload: bytes = b"") -> list[Tensor]:
    """Return the tensors of a request's `inputs`, of which some may refer to the bytes behind the JSON.

    Raises:
        RequestError: an input is malformed, or its data does not have the shape that it states.
    """
    if not isinstance(inputs, list) or not inputs:
        raise RequestError('"inputs" must be a non-empty list of tensors')
    tensors: list[Tensor] = []
    used = 0
    for each in inputs:
        size = _binary_size(each)
        tensor = _tensor(each, None if size is None else payload[used : used + size])
        used += size or 0
        tensors.append(tensor)
    if used != len(payload):
        raise RequestError(f"binary_data_size adds up to {used} bytes: {len(payload)} follow the JSON")
    names = [each.name for each in tensors]
    if len(set(names)) != len(names):
        raise RequestError(f"inputs must have names of their own: {names[:10]}")
    return tensors


def to_bytes(array: Array) -> bytes:
    """Return an array as the binary extension sends it: little-endian, BYTES with their lengths."""
    if v2_datatype(array.dtype) != "BYTES":
        return array.astype(array.dtype.newbyteorder("<")).tobytes()
    texts = (each if isinstance(each, bytes) else str(each).encode() for each in array.reshape(-1).tolist())
    return b"".join(chain.from_iterable((_LENGTH.pack(len(each)), each) for each in texts))


def _binary_size(body: Any) -> int | None:
    parameters: Any = body.get("parameters") if isinstance(body, dict) else None
    size: Any = parameters.get("binary_data_size") if isinstance(parameters, dict) else None
    if size is not None and (type(size) is not int or size < 0):
        raise RequestError("binary_data_size must be a whole number of bytes")
    return size


def _tensor(body: Any, raw: bytes | None) -> Tensor:
    if not isinstance(body, dict):
        raise RequestError('each of "inputs" must be an object with name, shape, datatype and data')
    needed = ("name", "shape", "datatype", "data") if raw is None else ("name", "shape", "datatype")
    missing = [key for key in needed if key not in body]
    if missing:
        raise RequestError(f"an input lacks {', '.join(missing)}")
    name, shape, datatype = body["name"], body["shape"], body["datatype"]
    if not isinstance(name, str):
        raise RequestError("the name of an input must be a string")
    if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
        raise RequestError(f"input {name!r}: shape must be a list of whole numbers")
    if len(shape) > MAX_DIMENSIONS:
        raise RequestError(f"input {name!r}: shape has more than {MAX_DIMENSIONS} dimensions")
    if not isinstance(datatype, str) or (datatype != "BYTES" and datatype not in V2_DTYPES):
        raise RequestError(f"input {name!r} is {datatype}: there are {', '.join(V2_DTYPES)}, BYTES")
    count = prod(shape)
    try:
        array = _from_values(body["data"], datatype) if raw is None else _from_raw(raw, datatype, count)
        if array.size != count:
            raise RequestError(f"shape {shape} needs {count} values, data has {array.size}")
    except RequestError as error:
        raise RequestError(f"input {name!r}: {error}") from None
    return Tensor(name=name, array=array.reshape(shape))


def _from_values(data: Any, datatype: str) -> Array:
    if not isinstance(data, list):
        raise RequestError("data must be a list of values")
    while data and set(map(type, data)) == {list}:
        data = list(chain.from_iterable(data))
    if datatype != "BYTES":
        return datatypes.from_json(data, V2_DTYPES[datatype])
    return datatypes.from_json([datatypes.text(each) for each in data], np.dtype(object))


def _from_raw(raw: bytes, datatype: str, count: int) -> Array:
    if datatype == "BYTES":
        return datatypes.from_json(list(_split(raw)), np.dtype(object))
    dtype = V2_DTYPES[datatype]
    if len(raw) != count * dtype.itemsize:
        raise RequestError(
            f"{count} values of {datatype} take {count * dtype.itemsize} bytes, not {len(raw)}"
        )
    # A copy in the machine's byte order: a view of the body is read-only, and models may write into it.
    array = np.frombuffer(raw, dtype=dtype.newbyteorder("<")).astype(dtype)
    if dtype.kind == "b" and not set(raw) <= {0, 1}:
        raise RequestError("a byte of BOOL must be 0 or 1")
    return array


def _split(raw: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(raw):
        start = at + _LENGTH.size
        if start > len(raw) or (at := start + _LENGTH.unpack_from(raw, start - _LENGTH.size)[0]) > len(raw):
            raise RequestError("a text is cut off: each needs its length, four bytes, and as many bytes")
        yield raw[start:at]
