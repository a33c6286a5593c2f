"""Datatypes of the v2 protocol, and values of JSON as NumPy arrays without a change of meaning."""

import math
from collections.abc import Callable
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from predictor.errors import RequestError

Array = NDArray[Any]

V2_DTYPES = {
    "BOOL": np.dtype("bool"),
    "UINT8": np.dtype("uint8"),
    "UINT16": np.dtype("uint16"),
    "UINT32": np.dtype("uint32"),
    "UINT64": np.dtype("uint64"),
    "INT8": np.dtype("int8"),
    "INT16": np.dtype("int16"),
    "INT32": np.dtype("int32"),
    "INT64": np.dtype("int64"),
    "FP16": np.dtype("float16"),
    "FP32": np.dtype("float32"),
    "FP64": np.dtype("float64"),
}
_V2_NAMES = {dtype: name for name, dtype in V2_DTYPES.items()}
_JSON_NAMES = {
    str: "a string",
    bool: "a boolean",
    int: "a number",
    float: "a number",
    type(None): "null",
    list: "a list",
    dict: "an object",
}
_WANTED = {"b": "booleans", "i": "whole numbers", "u": "whole numbers", "f": "numbers", "M": "dates as text"}
# The kinds of JSON values that need no second look, by the kind of the dtype.
_PLAIN: dict[str, set[type]] = {"f": {int, float}, "i": {int}, "u": {int}, "b": {bool}, "M": {str}}
MAX_DIMENSIONS = 64
"""NumPy's own limit."""


def v2_datatype(dtype: np.dtype[Any]) -> str:
    """Return the v2 protocol's name of a dtype; a dtype without one is sent as text."""
    return _V2_NAMES.get(dtype, "BYTES")


def objects(values: list[Any]) -> Array:
    """Return values of any kind, lists too, as a flat array of objects."""
    return np.fromiter(values, dtype=object, count=len(values))


def from_json(values: list[Any], dtype: np.dtype[Any]) -> Array:
    """Return a flat list of JSON values as an array, if no value changes its meaning.

    As in MLflow, null is a missing number, and 3.0 is a whole number; unlike there, 3.5 is not.

    Raises:
        RequestError: a value is of another kind, or does not fit the dtype.
    """
    kind = dtype.kind
    if kind in "OUS":
        return _texts(values, dtype)
    if kind not in _PLAIN:
        raise RequestError(f"the model takes {dtype}, which JSON cannot carry")
    if not set(map(type, values)) <= _PLAIN[kind]:
        values = [_CONVERTED[kind](value) for value in values]
    try:
        with np.errstate(over="ignore"):
            array = np.array(values, dtype=dtype)
    except OverflowError:
        raise RequestError(f"a value does not fit {v2_datatype(dtype)}") from None
    except ValueError as error:
        raise RequestError(f"a value is not a date: {error}") from None
    if kind == "f" and not np.isfinite(array).all() and np.isinf(array).any():
        raise RequestError(f"a value does not fit {v2_datatype(dtype)}")
    return array


def nested(values: Any, dtype: np.dtype[Any], what: str) -> Array:
    """Return nested lists of JSON values, all of the same length at each depth, as an array.

    Raises:
        RequestError: a list is longer than its neighbours, or a value is not of the dtype.
    """
    flat, shape = [values], list[int]()
    while flat and set(map(type, flat)) == {list}:
        lengths = set(map(len, flat))
        if len(lengths) != 1:
            raise RequestError(f"{what}: lists of {_either(lengths)} values at depth {len(shape) + 1}")
        shape.append(lengths.pop())
        flat = list(chain.from_iterable(flat))
        if len(shape) > MAX_DIMENSIONS:
            raise RequestError(f"{what}: lists are nested more than {MAX_DIMENSIONS} deep")
    return from_json(flat, dtype).reshape(shape)


def cast(array: Array, dtype: np.dtype[Any], what: str) -> Array:
    """Return an array of a client's dtype as one of the model's dtype, if no value changes its meaning.

    Raises:
        RequestError: the kinds differ, or a value does not fit.
    """
    if array.dtype == dtype:
        return array
    known = array.dtype.kind in "biufO" and dtype.kind in "biuf"
    if dtype.kind in "OUSM":
        if array.dtype.kind == dtype.kind:
            return array
        if array.dtype.kind != "O":
            raise RequestError(f"{what} is {v2_datatype(array.dtype)}: the model takes BYTES")
        return nested(array.tolist(), dtype, what) if dtype.kind == "M" else array.astype(dtype)
    if not known or "b" in (array.dtype.kind, dtype.kind) or not _same_kind(array.dtype, dtype):
        given, wanted = v2_datatype(array.dtype), v2_datatype(dtype)
        raise RequestError(f"{what} is {given}: the model takes {wanted}")
    with np.errstate(over="ignore", invalid="ignore"):
        converted = array.astype(dtype)
    if dtype.kind in "iu":
        same = array.size == 0 or bool(
            ((array >= 0) == (converted >= 0)).all() and (converted == array).all()
        )
    else:
        same = not bool((np.isinf(converted) & np.isfinite(array)).any())
    if not same:
        raise RequestError(f"{what}: a value does not fit {v2_datatype(dtype)}")
    return converted


def text(value: Any) -> str | None:
    """Return a JSON string or null as it is.

    Raises:
        RequestError: it is neither.
    """
    if value is None or isinstance(value, str):
        return value
    raise _wrong(value, "text")


def json_name(value: Any) -> str:
    """Return what a JSON value is, in words."""
    return _JSON_NAMES.get(type(value), type(value).__name__)


def _same_kind(given: np.dtype[Any], wanted: np.dtype[Any]) -> bool:
    return np.can_cast(given, wanted, "same_kind") or (given.kind == "i" and wanted.kind == "u")


def _texts(values: list[Any], dtype: np.dtype[Any]) -> Array:
    array = objects(values)
    if dtype.kind == "O":
        return array
    try:
        return np.array([_required(text(each)) for each in values], dtype=dtype)
    except UnicodeEncodeError:
        raise RequestError("a text has characters beyond ASCII: the model takes bytes") from None


def _required(value: str | None) -> str:
    if value is None:
        raise _wrong(value, "text")
    return value


def _wrong(value: Any, wanted: str) -> RequestError:
    return RequestError(f"a value is {json_name(value)}: the model takes {wanted}")


def _number(value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, _WANTED["f"])
    return value


def _whole(value: Any) -> int:
    if isinstance(value, float) and not value.is_integer():
        raise RequestError(f"a value is {value}, a fraction: the model takes {_WANTED['i']}")
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(value, _WANTED["i"])
    return int(value)


def _boolean(value: Any) -> bool:
    if not isinstance(value, bool) and (not isinstance(value, int) or value not in (0, 1)):
        raise _wrong(value, _WANTED["b"])
    return bool(value)


def _date(value: Any) -> str:
    if value is None:
        return "NaT"
    if not isinstance(value, str):
        raise _wrong(value, _WANTED["M"])
    return value


_CONVERTED: dict[str, Callable[[Any], Any]] = {
    "f": _number,
    "i": _whole,
    "u": _whole,
    "b": _boolean,
    "M": _date,
}


def _either(lengths: set[int]) -> str:
    first, second = sorted(lengths)[:2]
    return f"{first} and of {second}"
