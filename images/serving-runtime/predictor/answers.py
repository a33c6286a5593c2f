"""What a model answers, in the forms that the protocols have: JSON, or named tensors."""

import base64
import datetime
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import orjson
import pandas as pd
from numpy.typing import NDArray

from predictor.datatypes import objects, v2_datatype
from predictor.errors import AnswerError

Output = tuple[str, NDArray[Any]]
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY | orjson.OPT_NON_STR_KEYS
_FIRST = "output-0"


def dumps(value: Any) -> bytes:
    """Return JSON; NaN and infinity are null, dates ISO 8601, bytes base64, as MLflow's server has them.

    Raises:
        AnswerError: the value holds something that JSON cannot carry.
    """
    try:
        return orjson.dumps(value, default=_jsonable, option=orjson.OPT_SERIALIZE_NUMPY)
    except TypeError:
        # Perhaps a key that is no text: looking for those takes time in each answer.
        pass
    try:
        return orjson.dumps(value, default=_jsonable, option=_OPTIONS)
    except TypeError as error:
        raise AnswerError(f"the model's answer is not JSON: {_reason(error)}") from error


def rows(result: Any) -> Any:
    """Return a result for JSON, row by row: a frame as objects, an array or a series as lists."""
    if isinstance(result, np.ndarray):
        # orjson writes contiguous numeric arrays itself, with shortest round-trip digits.
        return np.ascontiguousarray(result) if result.dtype.kind in "fiu" and result.ndim else _list(result)
    if isinstance(result, pd.DataFrame):
        columns = [_list(result[name]) if result.columns.is_unique else None for name in result.columns]
        if None in columns:
            return _list(result.to_numpy())
        names = [str(name) for name in result.columns]
        return [dict(zip(names, row, strict=True)) for row in zip(*columns, strict=True)]
    if isinstance(result, pd.Series | pd.Index) or hasattr(result, "toarray"):
        return _list(result)
    return result


def records(result: Any) -> Any:
    """Return a result for JSON as MLflow's scoring server does: a series, too, is a list of objects."""
    return rows(result.to_frame() if isinstance(result, pd.Series) else result)


def tensors(result: Any, names: tuple[str, ...] = ()) -> list[Output]:
    """Return a result as named arrays; what has no such form becomes the JSON of each row, as BYTES.

    Args:
        result: What the model answered.
        names: Names that the model's signature declares for its outputs.
    """
    if isinstance(result, Mapping) and result:
        found = cast("Mapping[Any, Any]", result)
        return [(str(name), _tensor(each)) for name, each in found.items()]
    if isinstance(result, pd.DataFrame):
        if result.columns.is_unique:
            return [(str(name), _tensor(result[name])) for name in result.columns]
        result = result.to_numpy()
    if isinstance(result, list) and (columns := _columns(cast("list[Any]", result))):
        return [(name, _tensor(each)) for name, each in columns.items()]
    array = _tensor(result)
    if len(names) == 1:
        return [(names[0], array)]
    if array.ndim == 2 and array.shape[1] == len(names):
        return [(name, np.ascontiguousarray(array[:, place])) for place, name in enumerate(names)]
    return [(_FIRST, array)]


def texts(array: NDArray[Any]) -> list[Any]:
    """Return the values of a BYTES tensor for JSON, which has no bytes: they become base64."""
    return [_base64(each) if isinstance(each, bytes) else each for each in array.reshape(-1).tolist()]


def _tensor(value: Any) -> NDArray[Any]:
    if isinstance(value, np.ndarray) and value.ndim and v2_datatype(value.dtype) != "BYTES":
        return np.ascontiguousarray(value)
    value = _dense(value)
    if value is None or isinstance(value, str | bytes | Mapping):
        value = [value]
    array = _rectangular(value)
    if array is None:
        return objects([dumps(each).decode() for each in rows(value)])
    if array.ndim == 0:
        array = array.reshape(1)
    if v2_datatype(array.dtype) != "BYTES":
        return np.ascontiguousarray(array)
    return _as_texts(array)


def _dense(value: Any) -> Any:
    """Return a sparse matrix as an array, anything else as it is."""
    convert = getattr(value, "toarray", None)
    return value if convert is None else convert()


def _rectangular(value: Any) -> NDArray[Any] | None:
    """Return a value as an array, or None if lists in it differ in length or kinds of value are mixed."""
    if isinstance(value, pd.Series | pd.Index):
        return value.to_numpy()
    if not isinstance(value, list | tuple):
        return np.asarray(value)
    try:
        mixed = np.array(value, dtype=object)
    except ValueError:
        return None
    kinds = {_kind(each) for each in mixed.flat}
    if len(kinds) > 1 and kinds != {"number", "missing"}:
        return None
    return (
        mixed
        if kinds & {"text", "bytes", "other"}
        else np.array(value, dtype="float64" if len(kinds) == 2 else None)
    )


def _kind(value: Any) -> str:
    if value is None:
        return "missing"
    if isinstance(value, bool | np.bool_):
        return "boolean"
    if isinstance(value, int | float | np.number):
        return "number"
    if isinstance(value, str):
        return "text"
    return "bytes" if isinstance(value, bytes) else "other"


def _as_texts(array: NDArray[Any]) -> NDArray[Any]:
    """Return an array without a v2 datatype as texts, bytes as they are."""
    flat = array.reshape(-1)
    values = _dates(flat) if array.dtype.kind == "M" else flat.tolist()
    return objects([each if isinstance(each, str | bytes) else _as_text(each) for each in values]).reshape(
        array.shape
    )


def _as_text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime.date) else dumps(value).decode()


def _columns(values: list[Any]) -> dict[str, list[Any]]:
    """Return objects with the same names and no lists or objects inside as one list per name."""
    if not values or not all(isinstance(each, Mapping) for each in values):
        return {}
    names = list(values[0])
    scalar = all(
        list(each) == names and not any(isinstance(value, list | tuple | Mapping) for value in each.values())
        for each in values
    )
    return {str(name): [each[name] for each in values] for name in names} if scalar else {}


def _list(value: Any) -> Any:
    value = _dense(value)
    if isinstance(value, pd.Series | pd.Index):
        value = value.to_numpy()
    array = np.asarray(value)
    return _dates(array) if array.dtype.kind == "M" else array.tolist()


def _dates(array: NDArray[Any]) -> list[Any]:
    """Return dates as ISO 8601 text, a missing one as null, nested as the array is."""
    if array.ndim != 1:
        return [_dates(each) for each in array] if array.ndim else [_date(array[()])]
    return [_date(each) for each in array]


def _date(value: Any) -> str | None:
    return None if np.isnat(value) else pd.Timestamp(value).isoformat()


_FORMS: tuple[tuple[type | tuple[type, ...], Callable[[Any], Any]], ...] = (
    ((bytes, bytearray), lambda value: _base64(bytes(value))),
    (np.generic, lambda value: value.item()),
    ((datetime.date, datetime.time), lambda value: value.isoformat()),
    (pd.DataFrame, rows),
    (Mapping, dict),
    ((set, frozenset), list),
)


def _jsonable(value: Any) -> Any:
    """Return what orjson does not know in a form that it knows."""
    if value is pd.NA or value is pd.NaT:
        return None
    for types, convert in _FORMS:
        if isinstance(value, types):
            return convert(value)
    if hasattr(value, "model_dump"):
        return value.model_dump()
    if hasattr(value, "__array__"):
        return _list(value)
    raise TypeError(f"a value of type {type(value).__name__}")


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _reason(error: TypeError) -> str:
    return str(error.__cause__ or error)
