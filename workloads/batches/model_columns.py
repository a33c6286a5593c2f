"""The columns that a model takes, by its signature, and the columns of a file that are theirs.

Embedded in the step that predicts tables, so it imports nothing of this repository.
"""

# mlflow, numpy and pandas ship no complete types.
# pyright: basic, reportPrivateImportUsage=false

from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

_KINDS = {
    "double": ("number", "float64"),
    "float": ("number", "float32"),
    "long": ("whole number", "int64"),
    "integer": ("whole number", "int32"),
    "boolean": ("boolean", "bool"),
    "string": ("text", "object"),
}
_SHOWN = 30


@dataclass(frozen=True)
class Wanted:
    """A column that a model takes."""

    name: str
    kind: str
    """number, whole number, boolean or text."""
    dtype: str


@dataclass(frozen=True)
class ModelColumns:
    """All columns that a model takes, in its order."""

    columns: list[Wanted]
    is_matrix: bool
    """Whether it takes them as one matrix, not as a frame."""

    def table(self, cells: dict[str, Any]) -> Any:
        """Return the columns of some rows as the model takes them.

        Args:
            cells: By name: numbers as an array with NaN for what is missing, others as a list with None.
        """
        if self.is_matrix:
            return np.column_stack([cells[each.name].astype(each.dtype) for each in self.columns])
        return pd.DataFrame({each.name: _column(each, cells[each.name]) for each in self.columns})


def columns_of(metadata: Any) -> ModelColumns:
    """Return what a model takes.

    Args:
        metadata: Of a model that MLflow has loaded.

    Raises:
        ValueError: it has no signature, or a file cannot hold what it takes.
    """
    schema = metadata.get_input_schema()
    if schema is None:
        raise ValueError("has no signature, so its columns are not known; log it with one")
    if not schema.is_tensor_spec():
        return ModelColumns([_wanted(each) for each in schema.inputs], is_matrix=False)
    (tensor, *others) = schema.inputs
    names = (metadata.metadata or {}).get("features")
    if others or len(tensor.shape) != 2 or tensor.type.kind not in "fi" or tensor.shape[1] < 1:
        raise ValueError("takes tensors that no table holds")
    names = names or [str(at) for at in range(tensor.shape[1])]
    kind = "number" if tensor.type.kind == "f" else "whole number"
    return ModelColumns([Wanted(name, kind, tensor.type.name) for name in names], is_matrix=True)


def refuse_other_columns(header: list[str], wanted: list[Wanted], keep: list[str]) -> None:
    """Refuse a file whose columns are not those of the model and the kept ones.

    Raises:
        ValueError: the line says which are missing, which nobody knows, and what to do.
    """
    repeated = [name for name, count in Counter(header).items() if count > 1]
    if repeated:
        raise ValueError(f"data: column {repeated[0]!r} occurs more than once; rename one of them")
    needed = [each.name for each in wanted]
    missing = [name for name in needed if name not in header]
    absent = [name for name in keep if name not in header]
    unknown = [name for name in header if name not in needed and name not in keep]
    problems: list[str] = []
    if missing:
        problems.append(f"no column {_quoted(missing)}, which the model needs: add it, under this name")
    if unknown:
        problems.append(
            f"the model does not know {_quoted(unknown)}: drop it, or name it in keep, "
            "which copies it next to the predictions"
        )
    if absent:
        problems.append(f"no column {_quoted(absent)} to keep")
    if problems:
        raise ValueError(f"data: {'; '.join(problems)}; it has {_quoted(header)}")


def _quoted(names: list[str]) -> str:
    return ", ".join(map(repr, names[:_SHOWN])) + (", …" if len(names) > _SHOWN else "")


def _wanted(column: Any) -> Wanted:
    found = _KINDS.get(getattr(column.type, "name", ""))
    if found is None or not column.name:
        raise ValueError(
            f"takes {column.name or 'a column without a name'!r} as {column.type}; no table does"
        )
    return Wanted(column.name, *found)


def _column(wanted: Wanted, cells: Any) -> Any:
    if wanted.kind in ("number", "whole number"):
        return cells.astype(wanted.dtype)
    # Given as object: left alone, pandas makes text of it whose missing value is not None.
    return pd.Series(cells, dtype=object if wanted.kind == "text" or None in cells else bool)
