"""The input of models without a signature, or whose own code checks it: what JSON has, in MLflow's forms."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.utils.proto_json_utils import parse_tf_serving_input

from predictor.datatypes import objects
from predictor.errors import RequestError
from predictor.tensors import Tensor

# A table in a body of the largest size has fewer cells; objects that share no key would have far more.
_MAX_CELLS = 4 * 1024 * 1024


@dataclass(frozen=True, kw_only=True)
class Untyped:
    """A model input that nothing describes."""

    raw: bool = False
    """Whether the model takes JSON as it is: MLflow enforces the type hint of its `predict`."""

    def from_rows(self, rows: Any) -> Any:
        """Return rows: objects as a frame, lists as an array.

        Raises:
            RequestError: there are none, or lists differ in length.
        """
        if self.raw:
            return rows
        if not isinstance(rows, list) or not rows:
            raise RequestError('"instances" must be a non-empty list of rows')
        if set(map(type, rows)) == {dict}:
            names = {name for row in rows for name in row}
            if len(names) * len(rows) > _MAX_CELLS:
                raise RequestError(f"{len(rows)} rows with {len(names)} names: rows must have the same names")
            return pd.DataFrame(rows)
        return _array(rows)

    def from_columns(self, columns: dict[str, Any]) -> Any:
        """Return a list of values per name as MLflow does: arrays by name."""
        if self.raw:
            return columns
        try:
            return parse_tf_serving_input({"inputs": columns})
        except MlflowException as error:
            raise RequestError(f'"inputs": {(str(error).splitlines() or [""])[0][:300]}') from None

    def from_split(self, names: list[Any] | None, rows: Any) -> Any:
        """Return rows whose columns have names as a frame.

        Raises:
            RequestError: a row has another number of values.
        """
        if not isinstance(rows, list) or not rows:
            raise RequestError('"data" must be a non-empty list of rows')
        if names is not None and any(not isinstance(row, list) or len(row) != len(names) for row in rows):
            raise RequestError(f'each row of "data" must be a list of {len(names)} values')
        return pd.DataFrame(rows, columns=names)

    def from_tensors(self, tensors: list[Tensor]) -> Any:
        """Return one tensor as an array, several [n] or [n, 1] as a frame, others as arrays by name."""
        arrays = {each.name: _text(each.array) for each in tensors}
        if len(arrays) == 1:
            array = next(iter(arrays.values()))
            return array.tolist() if self.raw else array
        flat = {name: each[:, 0] if each.shape[1:] == (1,) else each for name, each in arrays.items()}
        shapes = {each.shape for each in flat.values()}
        if len(shapes) != 1 or len(shapes.pop()) != 1:
            return {name: array.tolist() for name, array in arrays.items()} if self.raw else arrays
        frame = pd.DataFrame(flat)
        return frame.to_dict(orient="records") if self.raw else frame

    def input_types(self) -> list[dict[str, Any]]:
        """Return no description: there is none."""
        return []


def _array(rows: list[Any]) -> Any:
    try:
        array = np.array(rows)
        # NumPy would turn numbers next to texts into texts.
        if array.dtype.kind != "U":
            return array
        objects = np.array(rows, dtype=object)
        return array if all(isinstance(each, str) for each in objects.flat) else objects
    except ValueError as error:
        raise RequestError(f"rows must have as many values each: {error}") from None


def _text(array: Any) -> Any:
    if array.dtype.kind != "O":
        return array
    try:
        decoded = [each.decode() if isinstance(each, bytes) else each for each in array.reshape(-1)]
    except UnicodeDecodeError:
        return array
    return objects(decoded).reshape(array.shape)
