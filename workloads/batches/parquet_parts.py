"""A Parquet file in parts for a model that knows its columns.

Embedded in the step that predicts tables, with the modules that it imports from here.
"""

# pyarrow ships no types.
# pyright: basic, reportAttributeAccessIssue=false

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from workloads.batches.model_columns import Wanted, refuse_other_columns
from workloads.batches.parts import Part, rows_of_part


def parts_of_parquet(path: Path, wanted: list[Wanted], keep: list[str]) -> Iterator[Part]:
    """Return the rows of a Parquet file, part by part.

    Raises:
        ValueError: it has no rows or other columns, or a column is not what the model takes.
    """
    try:
        file = pq.ParquetFile(path, memory_map=True)
    except (pa.ArrowInvalid, OSError) as error:
        raise ValueError(f"data: not a Parquet file ({' '.join(str(error).split())[:100]})") from None
    with file:
        schema = file.schema_arrow
        _refuse_nested(schema)
        refuse_other_columns(schema.names, wanted, keep)
        if not file.metadata.num_rows:
            raise ValueError("data: columns but no rows; give at least one")
        for each in wanted:
            _refuse_type(each, schema.field(each.name).type)
        at = 0
        names = [*(each.name for each in wanted), *(name for name in keep)]
        for batch in file.iter_batches(
            batch_size=rows_of_part(len(names)), columns=list(dict.fromkeys(names))
        ):
            where = f"rows {at + 1} to {at + batch.num_rows}"
            cells = {each.name: _parquet_cells(each, batch.column(each.name), at) for each in wanted}
            yield Part(where, batch.num_rows, cells, {name: batch.column(name) for name in keep})
            at += batch.num_rows


def _refuse_nested(schema: Any) -> None:
    nested = [field for field in schema if pa.types.is_nested(field.type)]
    if nested:
        raise ValueError(
            f"data: column {nested[0].name!r} is nested ({nested[0].type}); "
            "give each of its values a column of its own, or write the file without it"
        )


def _refuse_type(wanted: Wanted, found: Any) -> None:
    types = pa.types
    plain = found.value_type if types.is_dictionary(found) else found
    whole = types.is_integer(plain)
    fits = {
        "number": whole or types.is_floating(plain) or types.is_decimal(plain),
        "whole number": whole or types.is_floating(plain),
        "boolean": types.is_boolean(plain),
        "text": types.is_string(plain) or types.is_large_string(plain),
    }[wanted.kind]
    if not fits and not types.is_null(plain):
        raise ValueError(
            f"data: column {wanted.name!r} is {found}; the model takes a {wanted.kind} there: "
            "convert the column"
        )


def _parquet_cells(wanted: Wanted, column: Any, before: int) -> Any:
    if wanted.kind in ("text", "boolean"):
        return column.to_pylist()
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    try:
        values = pc.cast(column, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        raise ValueError(f"data: column {wanted.name!r}: {' '.join(str(error).split())[:200]}") from None
    odd = np.isinf(values)
    if wanted.kind == "whole number":
        odd |= values != np.floor(values)
    if odd.any():
        at = int(np.flatnonzero(odd)[0])
        raise ValueError(
            f"data row {before + at + 1}: {wanted.name!r} is {column[at].as_py()}; "
            f"the model takes a {wanted.kind} there"
        )
    return values
