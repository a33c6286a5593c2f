"""The input of models whose signature has tensors: one without a name, or several by name."""

from dataclasses import dataclass
from typing import Any, cast

import numpy as np
from mlflow.types import Schema, TensorSpec

from predictor import datatypes
from predictor.datatypes import Array, v2_datatype
from predictor.errors import RequestError, missing_names
from predictor.tensors import Tensor


@dataclass(frozen=True, kw_only=True)
class Arrays:
    """A model input of one array per name; a signature of one unnamed tensor has the name None."""

    specs: dict[str | None, TensorSpec]

    @classmethod
    def of_schema(cls, schema: Schema) -> "Arrays":
        """Return the tensors of a signature."""
        return cls(specs={each.name: each for each in cast("list[TensorSpec]", schema.inputs)})

    def from_rows(self, rows: Any) -> Any:
        """Return rows: values of the only tensor, or objects with a value for each.

        Raises:
            RequestError: they do not fit the tensors.
        """
        if not isinstance(rows, list) or not rows:
            raise RequestError('"instances" must be a non-empty list of rows')
        if set(map(type, rows)) != {dict}:
            return self._only(rows)
        if None in self.specs:
            raise RequestError("the model's input has no name: send each row as a list of values")
        self._check_present(set(rows[0]))
        for index, row in enumerate(rows):
            if missing := [name for name in self.specs if name not in row]:
                raise RequestError(f"row {index}: missing inputs {missing}")
        return {name: self._array(name, [row[name] for row in rows]) for name in self.specs}

    def from_columns(self, columns: dict[str, Any]) -> Any:
        """Return one nested list per tensor.

        Raises:
            RequestError: a tensor is missing, or does not fit.
        """
        if None in self.specs:
            raise RequestError("the model's input has no name: send one list of rows")
        self._check_present(set(columns))
        return {name: self._array(name, columns[cast("str", name)]) for name in self.specs}

    def from_split(self, names: list[Any] | None, rows: Any) -> Any:
        """Return rows whose columns have names.

        Raises:
            RequestError: they do not fit the tensors.
        """
        if names is None or None in self.specs:
            return self._only(rows)
        if not isinstance(rows, list) or any(
            not isinstance(each, list) or len(each) != len(names) for each in rows
        ):
            raise RequestError(f'each row of "data" must be a list of {len(names)} values')
        return self.from_rows([dict(zip(names, row, strict=True)) for row in rows])

    def from_tensors(self, tensors: list[Tensor]) -> Any:
        """Return the tensors of a v2 request as the model takes them.

        Raises:
            RequestError: names, shapes or datatypes do not fit.
        """
        given = {each.name: each.array for each in tensors}
        if len(self.specs) == 1 and len(tensors) == 1:
            name = next(iter(self.specs))
            array = self._checked(name, tensors[0].name, tensors[0].array)
            return array if name is None else {name: array}
        self._check_present(set(given))
        return {name: self._checked(name, str(name), given[cast("str", name)]) for name in self.specs}

    def input_types(self) -> list[dict[str, Any]]:
        """Return the v2 description of the input."""
        return [
            {"name": name or "input-0", "datatype": v2_datatype(spec.type), "shape": list(spec.shape)}
            for name, spec in self.specs.items()
        ]

    def _only(self, rows: Any) -> Any:
        if len(self.specs) != 1:
            raise RequestError(f"each row must be an object with {', '.join(map(str, self.specs))}")
        name = next(iter(self.specs))
        array = self._array(name, rows)
        return array if name is None else {name: array}

    def _array(self, name: str | None, values: Any) -> Array:
        what = "the input" if name is None else f"input {name!r}"
        dtype = self.specs[name].type
        if dtype.kind == "O":
            # Ragged rows and objects: the model takes what JSON has.
            return datatypes.objects(values if isinstance(values, list) else [])
        return self._checked(name, name or "input-0", datatypes.nested(values, dtype, what))

    def _checked(self, name: str | None, given: str, array: Array) -> Array:
        spec = self.specs[name]
        wanted: tuple[int, ...] = spec.shape
        if spec.type.kind != "O" and (
            len(wanted) != array.ndim
            or any(size not in (-1, found) for size, found in zip(wanted, array.shape, strict=True))
        ):
            takes = f"the model takes {list(wanted)}, -1 is any size"
            raise RequestError(f"input {given!r} has shape {list(array.shape)}: {takes}")
        if array.size == 0:
            raise RequestError(f"input {given!r} has no values")
        return np.ascontiguousarray(datatypes.cast(array, spec.type, f"input {given!r}"))

    def _check_present(self, given: set[str]) -> None:
        """Require every tensor; others are dropped, as MLflow does."""
        missing = [str(name) for name in self.specs if name not in given]
        if missing:
            raise missing_names("inputs", missing, given - {str(name) for name in self.specs})
