"""The input of most models: one numeric matrix.

MLflow enforces a signature column by column, which costs more than the prediction itself. A matrix is checked
as a whole instead, with messages that name the row and the feature.
"""

from dataclasses import dataclass
from itertools import chain
from typing import Any

import numpy as np

from predictor import datatypes
from predictor.datatypes import Array, v2_datatype
from predictor.errors import RequestError, missing_names
from predictor.tensors import Tensor


@dataclass(frozen=True, kw_only=True)
class Matrix:
    """A model input of `width` numeric features."""

    width: int
    dtype: np.dtype[Any]
    names: tuple[str, ...] = ()

    def from_rows(self, rows: Any) -> Array:
        """Return rows, lists or objects, as a C-ordered matrix.

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
        return datatypes.from_json(list(chain.from_iterable(rows)), self.dtype).reshape(-1, self.width)

    def from_columns(self, columns: dict[str, Any]) -> Array:
        """Return one list of values per feature as a matrix.

        Raises:
            RequestError: a feature is missing, or the lists differ in length.
        """
        tensors = [
            Tensor(name=name, array=datatypes.nested(values, self.dtype, f"feature {name!r}"))
            for name, values in columns.items()
            if name in self.names or len(columns) == self.width == 1
        ]
        self._check_features(set(columns))
        return self.from_tensors(tensors)

    def from_split(self, names: list[Any] | None, rows: Any) -> Array:
        """Return rows whose columns have names: those of the features in any order, or others in this one.

        Raises:
            RequestError: a feature is missing, or the rows do not fit.
        """
        if names is None or not set(names) & set(self.names) or not isinstance(rows, list):
            return self.from_rows(rows)
        self._check_features(set(names))
        if any(not isinstance(row, list) or len(row) != len(names) for row in rows):
            raise RequestError(f'each row of "data" must be a list of {len(names)} values')
        places = [names.index(name) for name in self.names]
        return self.from_rows([[row[place] for place in places] for row in rows])

    def from_tensors(self, tensors: list[Tensor]) -> Array:
        """Return one tensor [n, width], or one per feature, as a C-ordered matrix.

        Raises:
            RequestError: names, shapes or dtypes do not fit the model.
        """
        if len(tensors) == 1 and (self.width != 1 or tensors[0].array.ndim == 2):
            whole = datatypes.cast(tensors[0].array, self.dtype, f"input {tensors[0].name!r}")
        else:
            whole = self._stacked(tensors)
        if whole.ndim != 2 or whole.shape[1] != self.width or whole.shape[0] == 0:
            raise RequestError(
                f"input {tensors[0].name!r} has shape {list(whole.shape)}: "
                f"the model takes [n, {self.width}], n >= 1"
            )
        return np.ascontiguousarray(whole)

    def input_types(self) -> list[dict[str, Any]]:
        """Return the v2 description of the input."""
        return [{"name": "input-0", "datatype": v2_datatype(self.dtype), "shape": [-1, self.width]}]

    def _from_objects(self, rows: list[Any]) -> list[list[Any]]:
        if not self.names:
            raise RequestError("the model's features have no names: send each row as a list of numbers")
        try:
            return [[row[name] for name in self.names] for row in rows]
        except (KeyError, TypeError):
            index = next(
                i for i, row in enumerate(rows) if not isinstance(row, dict) or set(self.names) - set(row)
            )
        if not isinstance(rows[index], dict):
            raise RequestError(f"row {index} is not an object: rows must be all objects or all lists")
        try:
            self._check_features(set(rows[index]))
        except RequestError as error:
            raise RequestError(f"row {index}: {error}") from None
        raise AssertionError(f"row {index} has every feature")

    def _check_features(self, given: set[str]) -> None:
        """Require every feature; others are dropped, as MLflow does."""
        missing = sorted(set(self.names) - given)
        if missing:
            raise missing_names("features", missing, given - set(self.names))

    def _stacked(self, tensors: list[Tensor]) -> Array:
        columns = {each.name: each.array for each in tensors}
        expected = self.names or tuple(columns)[:1]
        missing = sorted(set(expected) - set(columns))
        if missing or len(expected) != self.width:
            unknown = sorted(set(columns) - set(expected))
            raise RequestError(
                f"inputs must be one tensor [n, {self.width}] or one input per feature; "
                f"unknown: {unknown}, missing: {missing}"
            )
        flat = [datatypes.cast(columns[name], self.dtype, f"input {name!r}") for name in expected]
        flat = [each[:, 0] if each.ndim == 2 and each.shape[1] == 1 else each for each in flat]
        if {each.ndim for each in flat} != {1} or len({each.shape for each in flat}) != 1:
            raise RequestError("one input per feature: each must have shape [n] or [n, 1], with the same n")
        return np.column_stack(flat)
