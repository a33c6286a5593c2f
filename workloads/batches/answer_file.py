"""A model's answers as columns of a table, and the file that they are written to.

Embedded in the step that predicts tables, so it imports nothing of this repository.
"""

# pandas and pyarrow ship no complete types.
# pyright: basic, reportAttributeAccessIssue=false

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq


def columns_of_answers(answers: Any, classes: list[str]) -> dict[str, Any]:
    """Return answers by column: of a classifier the class and the probability of each, otherwise as they are.

    Numbers keep their precision: as text they have the digits that they have in the answer to a request.

    Args:
        answers: What the model returned for some rows.
        classes: Names of the classes, if it answers with a probability for each.

    Raises:
        ValueError: they are no table.
    """
    if isinstance(answers, pd.DataFrame):
        return {str(name): pa.array(answers[name].to_numpy()) for name in answers}
    array = np.asarray(answers)
    if array.ndim == 1:
        return {"prediction": pa.array(array)}
    if array.ndim != 2:
        raise ValueError(f"answers with an array of shape {array.shape}, which no table holds")
    if len(classes) != array.shape[1]:
        return {f"prediction_{at}": pa.array(column) for at, column in enumerate(array.T)}
    chosen = pa.array(np.array(classes, dtype=object)[array.argmax(axis=1)], pa.string())
    columns = {f"probability_{name}": pa.array(column) for name, column in zip(classes, array.T, strict=True)}
    return {"prediction": chosen, **columns}


class AnswerFile:
    """A CSV or Parquet file that is written part by part."""

    def __init__(self, path: Path) -> None:
        """Write nothing yet; the first part decides the columns."""
        self._path = path
        self._writer: Any = None

    def __enter__(self) -> "AnswerFile":
        return self

    def __exit__(self, *_: object) -> None:
        if self._writer is not None:
            self._writer.close()

    def add(self, kept: dict[str, Any], answers: dict[str, Any]) -> None:
        """Write some rows.

        Raises:
            ValueError: a kept column has the name of an answer.
        """
        both = [name for name in kept if name in answers]
        if both:
            raise ValueError(
                f"data: column {both[0]!r} cannot be kept: the predictions have this name; rename it"
            )
        table = pa.table({**kept, **answers})
        if self._writer is None:
            kind = pq.ParquetWriter if self._path.suffix == ".parquet" else pyarrow.csv.CSVWriter
            self._writer = kind(self._path, table.schema)
        self._writer.write_table(table)
