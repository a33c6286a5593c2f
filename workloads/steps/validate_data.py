"""Step: reject data that no model can be trained on, naming the column, the line and the remedy."""

# Kubeflow, not pyright, reads the annotations of a step; the libraries inside it are mostly untyped.
# pyright: basic, reportInvalidTypeForm=false, reportReturnType=false, reportAttributeAccessIssue=false
# pyright: reportPrivateImportUsage=false, reportTypedDictNotRequiredAccess=false

from typing import NamedTuple

from kfp import dsl

from workloads.steps import WORKLOAD_IMAGE


@dsl.component(base_image=WORKLOAD_IMAGE, install_kfp_package=False)
def validate_data(  # noqa: C901, PLR0912 - a step is one function, and each refusal is a branch
    dataset: dsl.Input[dsl.Dataset],
    data_sha256: str,
    target: str,
) -> NamedTuple("Validated", [("rows", int), ("features", int), ("classes", int)]):
    """Check a CSV file with numeric features and one column with the class.

    Args:
        dataset: The CSV file.
        data_sha256: SHA-256 of the CSV file, so that the cached result applies to the same bytes alone.
        target: Column with the class.
    """
    import collections
    import csv
    import io
    import math
    from pathlib import Path

    def number(text: str, line: int, column: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            given = repr(text) if text.strip() else "empty"
            raise ValueError(
                f"data line {line}: feature {column!r} is {given}, not a number; encode, fill or drop it"
            )
        return value

    try:
        text = Path(dataset.path).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ValueError(f"data: not UTF-8 text at byte {error.start}; save the CSV file as UTF-8") from None
    reader = csv.reader(io.StringIO(text, newline=""))
    header = next(reader, [])
    rows = [(reader.line_num, row) for row in reader if row]
    if not any(header):
        raise ValueError("data: empty; give a CSV file with a header line and rows")
    repeated = [name for name, count in collections.Counter(header).items() if count > 1]
    if repeated:
        raise ValueError(f"data: column {repeated[0]!r} occurs more than once; rename one of them")
    if target not in header:
        raise ValueError(
            f"data: no column {target!r} among {', '.join(header)}; give the column with the class as target"
        )
    if len(header) < 2:
        raise ValueError(f"data: only the column {target!r}; add at least one feature")
    if not rows:
        raise ValueError("data: a header line but no rows; give at least 4 rows of each class")
    place = header.index(target)
    classes: collections.Counter[str] = collections.Counter()
    for line, row in rows:
        if len(row) != len(header):
            raise ValueError(
                f"data line {line}: {len(row)} values under {len(header)} columns; fix that line"
            )
        for position, cell in enumerate(row):
            if position != place:
                number(cell, line, header[position])
        if not row[place].strip():
            raise ValueError(f"data line {line}: target {target!r} is empty; fill or drop that row")
        classes[row[place]] += 1
    if len(classes) < 2:
        raise ValueError(
            f"data: target {target!r} has one class, {next(iter(classes))!r}; give rows of at least two"
        )
    rare, count = min(classes.items(), key=lambda item: item[1])
    if count < 4:
        raise ValueError(f"data: class {rare!r} has {count} rows; give at least 4 rows of each class")
    return len(rows), len(header) - 1, len(classes)
