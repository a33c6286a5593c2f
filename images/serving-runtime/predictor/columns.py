"""The input of models whose signature has columns of any type: a frame with exactly the declared types."""

import base64
import binascii
from dataclasses import dataclass
from functools import cached_property
from typing import Any, cast

import numpy as np
import orjson
import pandas as pd
from mlflow.types import DataType, Schema
from mlflow.types.schema import Array as ArrayType

from predictor import datatypes
from predictor.datatypes import v2_datatype
from predictor.errors import RequestError, missing_names
from predictor.tensors import Tensor

_OBJECT = np.dtype(object)
DTYPES = {
    DataType.boolean: np.dtype("bool"),
    DataType.integer: np.dtype("int32"),
    DataType.long: np.dtype("int64"),
    DataType.float: np.dtype("float32"),
    DataType.double: np.dtype("float64"),
    DataType.datetime: np.dtype("datetime64[ns]"),
}
"""Types of columns that have a dtype of their own; the others are objects."""
# Beyond it a whole number and a missing one cannot share a column: pandas would round the number.
_EXACT_FLOATS = 2**53


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column of a signature."""

    name: Any
    """Its name, or its place if the signature has no names."""
    type: Any
    """MLflow's type: a scalar, or an array, object or map of such."""
    required: bool

    def from_json(self, values: list[Any]) -> Any:
        """Return JSON values, one per row, as the column of a frame.

        Raises:
            RequestError: a value is not of the column's type.
        """
        try:
            return self._from_json(values)
        except RequestError as error:
            raise RequestError(f"column {self.name!r}: {error}") from None

    def from_tensor(self, tensor: Tensor) -> Any:
        """Return a tensor whose first axis counts the rows as the column of a frame.

        Raises:
            RequestError: shape, datatype or a value do not fit the column.
        """
        array, what = tensor.array, f"input {tensor.name!r}"
        if isinstance(self.type, ArrayType):
            return datatypes.objects(array.tolist())
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim != 1:
            raise RequestError(f"{what} has shape {list(array.shape)}: a column takes [n] or [n, 1]")
        if self._dtype.kind == "O" and array.dtype.kind != "O":
            raise RequestError(f"{what} is {v2_datatype(array.dtype)}: the model takes BYTES")
        if array.dtype.kind != "O":
            return datatypes.cast(array, self._dtype, what)
        if self._dtype.kind not in "OM":
            raise RequestError(f"{what} is BYTES: the model takes {v2_datatype(self._dtype)}")
        if not isinstance(self.type, DataType):
            return datatypes.objects([_parsed(each, what) for each in array])
        raw = self.type is DataType.binary and array.size and isinstance(array[0], bytes)
        return array if raw else self.from_json([_decoded(each, what) for each in array])

    def to_v2(self) -> dict[str, Any]:
        """Return the column's description in the v2 protocol."""
        inner = self.type.dtype if isinstance(self.type, ArrayType) else self.type
        dtype = DTYPES.get(inner, _OBJECT) if isinstance(inner, DataType) else _OBJECT
        shape = [-1, -1] if isinstance(self.type, ArrayType) else [-1]
        optional = {} if self.required else {"parameters": {"optional": True}}
        return {"name": str(self.name), "datatype": v2_datatype(dtype), "shape": shape, **optional}

    @cached_property
    def _dtype(self) -> np.dtype[Any]:
        return DTYPES.get(self.type, _OBJECT) if isinstance(self.type, DataType) else _OBJECT

    def _from_json(self, values: list[Any]) -> Any:
        if self._dtype.kind == "M":
            return _dates([datatypes.text(each) for each in values])
        if self._dtype.kind != "O":
            return self._numbers(values)
        if self.type is DataType.string:
            return datatypes.objects([datatypes.text(each) for each in values])
        if self.type is DataType.binary:
            return datatypes.objects([None if each is None else _base64(each) for each in values])
        # MLflow converts and checks what is inside when it enforces the signature.
        return datatypes.objects(values)

    def _numbers(self, values: list[Any]) -> Any:
        if self.required or self._dtype.kind == "f" or None not in values:
            return datatypes.from_json(values, self._dtype)
        # A missing value in an optional column, in the form in which pandas has it.
        known = datatypes.from_json([each for each in values if each is not None], self._dtype)
        if self._dtype.kind == "b":
            return datatypes.objects([None if each is None else bool(each) for each in values])
        if known.size and max(abs(int(known.max())), abs(int(known.min()))) > _EXACT_FLOATS:
            raise RequestError("a value beyond 2**53 and a null cannot share a request: send them apart")
        return datatypes.from_json(values, np.dtype("float64"))


@dataclass(frozen=True, kw_only=True)
class Columns:
    """A model input of named columns, or of unnamed ones in the order of the signature."""

    columns: tuple[Column, ...]
    named: bool

    @classmethod
    def of_schema(cls, schema: Schema) -> "Columns":
        """Return the columns of a signature."""
        named = schema.has_input_names()
        columns = [
            Column(name=str(spec.name) if named else place, type=spec.type, required=spec.required)
            for place, spec in enumerate(cast("list[Any]", schema.inputs))
        ]
        return cls(columns=tuple(columns), named=named)

    def from_rows(self, rows: Any) -> pd.DataFrame:
        """Return rows, objects or lists in the order of the signature, as a frame.

        Raises:
            RequestError: they do not fit the columns.
        """
        if not isinstance(rows, list) or not rows:
            raise RequestError('"instances" must be a non-empty list of rows')
        kinds = set(map(type, rows))
        if kinds == {dict} and self.named:
            return self._frame(self._of_objects(rows))
        if self._rows_are_values(kinds):
            return self._frame({self.columns[0].name: rows})
        if kinds != {list}:
            wanted = "all objects or all lists" if self.named else "lists"
            raise RequestError(f"rows must be {wanted} of {len(self.columns)} values")
        width = len(self.columns)
        if set(map(len, rows)) != {width}:
            index, row = next((i, row) for i, row in enumerate(rows) if len(row) != width)
            raise RequestError(f"row {index} has {len(row)} values: the model takes {width}")
        values = map(list, zip(*rows, strict=True))
        return self._frame({column.name: each for column, each in zip(self.columns, values, strict=True)})

    def from_columns(self, columns: dict[str, Any]) -> pd.DataFrame:
        """Return one list of values per column as a frame.

        Raises:
            RequestError: a column is missing, or the lists differ in length.
        """
        if not self.named:
            raise RequestError("the model's columns have no names: send rows as lists")
        if columns and all(not isinstance(each, list) for each in columns.values()):
            columns = {name: [value] for name, value in columns.items()}
        for name, values in columns.items():
            if not isinstance(values, list):
                raise RequestError(f"column {name!r} must be a list of values, one per row")
        return self._frame(columns)

    def from_split(self, names: list[Any] | None, rows: Any) -> pd.DataFrame:
        """Return rows whose columns have names as a frame.

        Raises:
            RequestError: a column is missing, or a row has another number of values.
        """
        if names is None or not self.named:
            return self.from_rows(rows)
        if not isinstance(rows, list) or not rows:
            raise RequestError('"data" must be a non-empty list of rows')
        if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
            raise RequestError(f'each row of "data" must be a list of {len(names)} values')
        return self._frame(dict(zip(names, map(list, zip(*rows, strict=True)), strict=True)))

    def from_tensors(self, tensors: list[Tensor]) -> pd.DataFrame:
        """Return one tensor per column, or one tensor [n, width] for all, as a frame.

        Raises:
            RequestError: names, shapes or datatypes do not fit the columns.
        """
        given = {each.name: each for each in tensors}
        if len(tensors) == 1 and not any(str(each.name) in given for each in self.columns):
            given = self._slices(tensors[0])
        by_name = {
            column.name: given[str(column.name)] for column in self.columns if str(column.name) in given
        }
        self._check_present(set(by_name), set(given))
        lengths = {tensor.array.shape[:1] for tensor in by_name.values()}
        if len(lengths) != 1 or lengths in ({()}, {(0,)}):
            raise RequestError(
                "one input per column: each must have shape [n] or [n, 1], with the same n >= 1"
            )
        made = {
            each.name: each.from_tensor(by_name[each.name]) for each in self.columns if each.name in by_name
        }
        return pd.DataFrame(made)

    def has_nulls_in_whole_numbers(self, frame: pd.DataFrame) -> bool:
        """Return whether an optional column of whole numbers holds a null, which MLflow refuses."""
        return any(
            not column.required and column.name in frame and frame[column.name].dtype.kind == "f"
            for column in self.columns
            if column.type in (DataType.integer, DataType.long)
        )

    def input_types(self) -> list[dict[str, Any]]:
        """Return the v2 description of the input: one tensor per column."""
        return [each.to_v2() for each in self.columns]

    def _frame(self, values: dict[Any, list[Any]]) -> pd.DataFrame:
        given = [each for each in self.columns if each.name in values]
        self._check_present({each.name for each in given}, set(map(str, values)))
        if len({len(values[each.name]) for each in given}) > 1:
            raise RequestError("the columns must have as many values each")
        return pd.DataFrame({each.name: each.from_json(values[each.name]) for each in given})

    def _check_present(self, present: set[Any], given: set[str]) -> None:
        missing = [str(each.name) for each in self.columns if each.required and each.name not in present]
        if missing or not present:
            raise missing_names("columns", missing, given - {str(each.name) for each in self.columns})

    def _of_objects(self, rows: list[dict[str, Any]]) -> dict[Any, list[Any]]:
        found: dict[Any, list[Any]] = {}
        for column in self.columns:
            name = column.name
            if column.required:
                try:
                    found[name] = [row[name] for row in rows]
                except KeyError:
                    index, row = next((i, row) for i, row in enumerate(rows) if name not in row)
                    unknown = sorted(set(row) - {each.name for each in self.columns})
                    hint = f", unknown columns {unknown[:10]}" if unknown else ""
                    raise RequestError(f"row {index}: missing column {name!r}{hint}") from None
            elif any(name in row for row in rows):
                found[name] = [row.get(name) for row in rows]
        return found

    def _rows_are_values(self, kinds: set[type]) -> bool:
        """Return whether each row is the value of the only column itself, as MLflow reads such rows."""
        if len(self.columns) != 1:
            return False
        inner: Any = self.columns[0].type
        if kinds == {dict}:
            return not self.named and not isinstance(inner, DataType)
        return dict not in kinds and (isinstance(inner, ArrayType) or list not in kinds)

    def _slices(self, tensor: Tensor) -> dict[str, Tensor]:
        array = tensor.array
        if len(self.columns) == 1 and (array.ndim == 1 or isinstance(self.columns[0].type, ArrayType)):
            array = array[:, np.newaxis]
        if array.ndim < 2 or array.shape[1] != len(self.columns):
            raise RequestError(
                f"input {tensor.name!r} has shape {list(tensor.array.shape)}: the model takes one input per "
                f"column ({', '.join(str(each.name) for each in self.columns[:20])}) "
                f"or one of shape [n, {len(self.columns)}]"
            )
        return {
            str(column.name): Tensor(name=tensor.name, array=array[:, place])
            for place, column in enumerate(self.columns)
        }


def _dates(values: list[str | None]) -> Any:
    series = pd.Series(values, dtype=object)
    try:
        try:
            dates = pd.to_datetime(series, format="ISO8601")
        except ValueError:
            # Other forms as MLflow reads them: all like the first.
            dates = pd.to_datetime(series)
    except (ValueError, TypeError, OverflowError) as error:
        reason = (str(error).splitlines() or ["no date"])[0]
        raise RequestError(f"a value is not a date such as 2024-02-29T12:30:00: {reason}") from None
    if getattr(dates.dt, "tz", None) is not None:
        raise RequestError(
            "a date has a time zone: the model takes dates without one, such as 2024-02-29T12:30:00"
        )
    return dates.to_numpy(dtype="datetime64[ns]")


def _base64(value: Any) -> bytes:
    if not isinstance(value, str):
        raise RequestError(f"a value is {datatypes.json_name(value)}: the model takes bytes as base64")
    try:
        return base64.b64decode("".join(value.split()), validate=True)
    except (binascii.Error, ValueError):
        raise RequestError("a value is not base64: the model takes bytes as base64") from None


def _decoded(value: Any, what: str) -> Any:
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        raise RequestError(f"{what}: a text is not UTF-8") from None


def _parsed(value: Any, what: str) -> Any:
    try:
        return orjson.loads(value)
    except (orjson.JSONDecodeError, TypeError):
        raise RequestError(f"{what}: a value is not the JSON of an object") from None
