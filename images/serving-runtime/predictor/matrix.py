"""Turns request rows and tensors into one numeric matrix, the input of most models.

MLflow enforces a signature column by column, which costs more than the prediction itself. A matrix is checked
as a whole instead, with messages that name the row and the feature.
"""

from collections.abc import Sequence
from dataclasses import dataclass
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
    "FP32": np.dtype("float32"),
    "FP64": np.dtype("float64"),
}
_V2_NAMES = {dtype: name for name, dtype in V2_DTYPES.items()}
_JSON_NAMES = {str: "a string", bool: "a boolean", type(None): "null", list: "a list", dict: "an object"}


def v2_datatype(dtype: np.dtype[Any]) -> str:
    """Return the v2 protocol's name of a dtype; a dtype without one is sent as text."""
    return _V2_NAMES.get(dtype, "BYTES")


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A model input of `width` numeric features."""

    width: int
    dtype: np.dtype[Any]
    names: tuple[str, ...] = ()

    def from_rows(self, rows: Any) -> Array:
        """Return the rows of a v1 request, lists or objects, as a C-ordered matrix.

        Raises:
            RequestError: they are not `width` numbers each.
        """
        if not isinstance(rows, list) or not rows:
            raise RequestError('"instances" must be a non-empty list of rows')
        if isinstance(rows[0], dict):
            rows = self._from_objects(rows)
        if set(map(type, rows)) != {list}:
            raise RequestError(f'each row of "instances" must be a list of {self.width} numbers')
        if set(map(len, rows)) != {self.width}:
            index, row = next((i, row) for i, row in enumerate(rows) if len(row) != self.width)
            raise RequestError(f"row {index} has {len(row)} values: the model takes {self.width}")
        self._check_numbers(chain.from_iterable(rows))
        return self._array(rows, self.dtype)

    def from_inputs(self, inputs: Any) -> Array:
        """Return the inputs of a v2 request: one tensor [n, width], or one input per feature.

        Raises:
            RequestError: names, shapes, datatypes or data do not fit the model.
        """
        if not isinstance(inputs, list) or not inputs:
            raise RequestError('"inputs" must be a non-empty list of tensors')
        tensors = [self._tensor(each) for each in inputs]
        return self.from_tensors([name for name, _ in tensors], [array for _, array in tensors])

    def from_tensors(self, names: Sequence[str], tensors: Sequence[Array]) -> Array:
        """Return decoded tensors as one C-ordered matrix.

        Raises:
            RequestError: names, shapes or dtypes do not fit the model.
        """
        for name, tensor in zip(names, tensors, strict=True):
            if tensor.dtype.kind == "b" or not np.can_cast(tensor.dtype, self.dtype, "same_kind"):
                given, wanted = v2_datatype(tensor.dtype), v2_datatype(self.dtype)
                raise RequestError(f"input {name!r} is {given}: the model takes {wanted}")
        if len(tensors) == 1 and (self.width != 1 or tensors[0].ndim == 2):
            whole = tensors[0]
        else:
            whole = self._stacked(names, tensors)
        if whole.ndim != 2 or whole.shape[1] != self.width or whole.shape[0] == 0:
            raise RequestError(
                f"input {names[0]!r} has shape {list(whole.shape)}: the model takes [n, {self.width}], n >= 1"
            )
        return np.ascontiguousarray(whole, dtype=self.dtype)

    def _from_objects(self, rows: list[Any]) -> list[list[Any]]:
        if not self.names:
            raise RequestError("the model's features have no names: send each row as a list of numbers")
        known = set(self.names)
        for index, row in enumerate(rows):
            if not isinstance(row, dict):
                raise RequestError(f"row {index} is not an object: rows must be all objects or all lists")
            keys: set[str] = set(row)
            if keys != known:
                unknown, missing = sorted(keys - known), sorted(known - keys)
                parts = ([f"unknown features {unknown}"] if unknown else []) + (
                    [f"missing features {missing}"] if missing else []
                )
                raise RequestError(f"row {index}: {' and '.join(parts)}")
        return [[row[name] for name in self.names] for row in rows]

    def _stacked(self, names: Sequence[str], tensors: Sequence[Array]) -> Array:
        columns = dict(zip(names, tensors, strict=True))
        expected = set(self.names or names[:1])
        if set(columns) != expected or len(names) != len(columns):
            unknown, missing = sorted(set(columns) - expected), sorted(expected - set(columns))
            raise RequestError(
                f"inputs must be one tensor [n, {self.width}] or one input per feature; "
                f"unknown: {unknown}, missing: {missing}"
            )
        flat = [columns[name] for name in (self.names or names[:1])]
        flat = [each[:, 0] if each.ndim == 2 and each.shape[1] == 1 else each for each in flat]
        if {each.ndim for each in flat} != {1} or len({each.shape for each in flat}) != 1:
            raise RequestError("one input per feature: each must have shape [n] or [n, 1], with the same n")
        return np.column_stack(flat)

    def _tensor(self, body: Any) -> tuple[str, Array]:
        if not isinstance(body, dict):
            raise RequestError('each of "inputs" must be an object with name, shape, datatype and data')
        missing = [key for key in ("name", "shape", "datatype", "data") if key not in body]
        if missing:
            raise RequestError(f"an input lacks {', '.join(missing)}")
        name, shape, datatype, data = body["name"], body["shape"], body["datatype"], body["data"]
        if not isinstance(shape, list) or not all(type(size) is int and size >= 0 for size in shape):
            raise RequestError(f"input {name!r}: shape must be a list of whole numbers")
        dtype = V2_DTYPES.get(datatype) if isinstance(datatype, str) else None
        if dtype is None or dtype.kind == "b":
            raise RequestError(f"input {name!r} is {datatype}: the model takes {v2_datatype(self.dtype)}")
        if not isinstance(data, list):
            raise RequestError(f"input {name!r}: data must be a list of numbers")
        while data and set(map(type, data)) == {list}:
            data = list(chain.from_iterable(data))
        count = 1
        for size in shape:
            count *= size
        if len(data) != count:
            raise RequestError(f"input {name!r}: shape {shape} needs {count} values, data has {len(data)}")
        self._check_numbers(data, whole=dtype.kind in "iu")
        return str(name), self._array(data, dtype).reshape(shape)

    def _check_numbers(self, values: Any, *, whole: bool | None = None) -> None:
        whole = self.dtype.kind in "iu" if whole is None else whole
        kinds = set(map(type, values))
        if kinds <= ({int} if whole else {int, float}):
            return
        wrong = min(kinds - ({int} if whole else {int, float}), key=lambda kind: kind.__name__)
        wanted = "whole numbers" if whole else "numbers"
        raise RequestError(f"a value is {_JSON_NAMES.get(wrong, 'a fraction')}: the model takes {wanted}")

    @staticmethod
    def _array(values: list[Any], dtype: np.dtype[Any]) -> Array:
        try:
            with np.errstate(over="ignore"):
                array = np.array(values, dtype=dtype)
        except OverflowError:
            raise RequestError(f"a value does not fit {v2_datatype(dtype)}") from None
        if dtype.kind == "f" and not np.isfinite(array).all():
            raise RequestError(f"a value does not fit {v2_datatype(dtype)}")
        return array
