"""Files as tables for training."""

from pathlib import Path

import numpy as np
import pytest

from workloads.steps import csv_table
from workloads.steps.csv_table import Survey, Table, read, survey

GOOD = [["1.5", "red", "True", "a"], ["2.25", "blue", "False", "b"]] * 4
HEADER = ["size", "colour", "new", "kind"]


def written(folder: Path, content: str) -> Path:
    file = folder / "data.csv"
    file.write_bytes(content.encode())
    return file


def table(folder: Path, content: str, target: str = "kind") -> tuple[Survey, Table]:
    path = written(folder, content)
    found = survey(path, target)
    return found, read(path, found)


def lines(*rows: list[str], separator: str = ",") -> str:
    return "".join(separator.join(row) + "\n" for row in rows)


def refusal(folder: Path, content: str, target: str = "kind", task: str = "auto") -> str:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        survey(written(folder, content), target, task)
    return str(refused.value)


def labelled(labels: list[str]) -> str:
    return lines(["size", "kind"], *([f"{at * 7 % 5}.5", label] for at, label in enumerate(labels)))


def test_numbers_alone_are_one_matrix_with_every_bit(tmp_path: Path) -> None:
    values = [0.1, 1 / 3, 1e-300, 123456.789, -2.5e17, 7.0, 0.30000000000000004, 5e-324]
    found, read_table = table(
        tmp_path, lines(["x", "kind"], *([repr(each), "ab"[at % 2]] for at, each in enumerate(values)))
    )
    assert found.is_matrix
    assert read_table.features[:, 0].tolist() == values
    assert read_table.labels.tolist() == list("abababab")


@pytest.mark.parametrize(
    ("separator", "decimal"), [(";", "."), (";", ","), ("\t", ","), ("|", "."), (", ", ".")]
)
def test_other_separators_and_decimal_commas_are_the_same_table(
    tmp_path: Path, separator: str, decimal: str
) -> None:
    rows = [[f"{at}{decimal}25", f"-{at}{decimal}5", "ab"[at % 2]] for at in range(8)]
    found, read_table = table(tmp_path, lines(["x", "y", "kind"], *rows, separator=separator))
    assert found.decimal == decimal
    assert read_table.features.tolist() == [[at + 0.25, -at - 0.5] for at in range(8)]


def test_quoted_decimal_commas_between_commas_are_understood(tmp_path: Path) -> None:
    rows = [[f'"{at},5"', "ab"[at % 2]] for at in range(8)]
    assert table(tmp_path, lines(["x", "kind"], *rows))[1].features[:, 0].tolist() == [
        at + 0.5 for at in range(8)
    ]


def test_text_booleans_and_missing_values_keep_their_columns(tmp_path: Path) -> None:
    found, read_table = table(tmp_path, lines(HEADER, *GOOD, ["NA", "", "", "a"]))
    assert not found.is_matrix
    assert [(each.kind, each.missing) for each in found.features] == [
        ("number", 1),
        ("text", 1),
        ("boolean", 1),
    ]
    last = read_table.features.iloc[-1].tolist()
    assert np.isnan(last[0])
    assert last[1:] == [None, None]
    assert read_table.features.iloc[0].tolist() == [1.5, "red", True]
    assert found.understood() == (
        "9 rows of 3 features, 1 of them text, 1 of them boolean, "
        "values missing in 'size', 'colour', 'new', 2 classes"
    )


def test_a_comma_at_the_end_of_each_line_is_no_column(tmp_path: Path) -> None:
    content = lines(HEADER, *GOOD)
    plain, trailing = survey(written(tmp_path, content), "kind"), None
    trailing = survey(written(tmp_path, content.replace("\n", ",\n")), "kind")
    assert trailing.features == plain.features


def test_a_column_without_a_name_is_refused(tmp_path: Path) -> None:
    rows = [[str(at), *row] for at, row in enumerate(GOOD)]
    assert refusal(tmp_path, lines(["", *HEADER], *rows)) == (
        "data line 2: column 1 has no name in the header and holds '0'; "
        "name it, or drop an index (to_csv(index=False))"
    )


@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_counts_the_rows_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, first: int
) -> None:
    monkeypatch.setattr("workloads.steps.csv_rows._CHUNK_CELLS", 12)
    monkeypatch.setattr("workloads.steps.csv_rows._CHUNK_ROWS", 1)
    rows = [[str(first + at), *row] for at, row in enumerate(GOOD)]
    assert "column 'Id' only counts the rows" in refusal(tmp_path, lines(["Id", *HEADER], *rows))
    survey(written(tmp_path, lines(["Id", *HEADER], *rows[::-1])), "kind")
    survey(written(tmp_path, lines(["age", *HEADER], *rows)), "kind")


@pytest.mark.parametrize(
    ("labels", "reason"),
    [
        (["NaN", *"abababab"], "data line 2: target 'kind' is missing (NaN); fill or drop that row"),
        (
            [*"abab", "None", "", *"abab"],
            "data line 6: target 'kind' is missing (None), as in 1 other rows; fill or drop them",
        ),
        (
            ["1", "0", "1.0", "0"] * 4,
            "data: target 'kind' has '1' and '1.0' for one number; write it in one way",
        ),
        (["x"] * 8, "data: target 'kind' has one class, 'x'; give rows of at least two"),
        ([*"abababab", "c"], "data: class 'c' has 1 rows; give at least 4 rows of each class"),
        (
            [str(at % 30) for at in range(300)],
            "data: target 'kind' has 30 different whole numbers: classes or a quantity? "
            "give --task classification or --task regression",
        ),
        (
            [f"{at}.5" for at in range(9)],
            "data: target 'kind' has 9 values in 9 rows; a regression needs at least 10",
        ),
        (
            [*(f"{at}.5" for at in range(20)), "red"],
            "data line 22: target 'kind' is 'red', not a number; encode, fill or drop it",
        ),
    ],
)
def test_labels_that_cannot_be_learnt_are_refused(tmp_path: Path, labels: list[str], reason: str) -> None:
    assert refusal(tmp_path, labelled(labels)).startswith(reason)


@pytest.mark.parametrize(
    ("labels", "task", "chosen", "classes"),
    [
        (["007", "7", "07"] * 4, "auto", "classification", 3),
        (["3", "4", "5"] * 4, "auto", "classification", 3),
        (["0.5", "1.5"] * 4, "auto", "classification", 2),
        (["NA_1", "none"] * 4, "auto", "classification", 2),
        ([f"{at}.25" for at in range(12)], "auto", "regression", 0),
        ([str(at) for at in range(12)], "auto", "regression", 0),
        ([f"{at % 30}.5" for at in range(300)], "auto", "regression", 0),
        ([str(at % 30) for at in range(300)], "classification", "classification", 30),
        (["3", "4", "5"] * 4, "regression", "regression", 0),
    ],
)
def test_the_target_says_what_is_learnt(
    tmp_path: Path, labels: list[str], task: str, chosen: str, classes: int
) -> None:
    found = survey(written(tmp_path, labelled(labels)), "kind", task)
    assert (found.task, found.classes) == (chosen, classes)


def test_thousands_of_a_semicolon_file_are_not_read_as_decimals(tmp_path: Path) -> None:
    rows = [[each, "ab"[at % 2]] for at, each in enumerate(["950", "1.234"] * 4)]
    assert "line 3: feature 'x' is '1.234', not a number for certain: thousands or decimals?" in refusal(
        tmp_path, lines(["x", "kind"], *rows, separator=";")
    )
    rows[0][0] = "0.5"
    assert table(tmp_path, lines(["x", "kind"], *rows, separator=";"))[1].features[1, 0] == 1.234


def test_a_table_beyond_the_limits_is_refused_with_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = lines(HEADER, *GOOD)
    monkeypatch.setattr(csv_table, "MOST_CELLS", 20)
    assert refusal(tmp_path, content) == "data: more than 20 values, in 4 columns; give fewer rows or columns"
    monkeypatch.setattr(csv_table, "MOST_COLUMNS", 3)
    assert refusal(tmp_path, content) == "data: 4 columns; the limit is 3: drop some"
    monkeypatch.setattr(csv_table, "MOST_BYTES", 100)
    assert refusal(tmp_path, content * 10_000).startswith("data: 2 MB; the limit is 0 MB: give fewer rows")


def test_the_target_that_is_not_there_is_named_with_the_separator(tmp_path: Path) -> None:
    assert refusal(tmp_path, lines(["a", "b"], ["1", "2"], separator=";")) == (
        "data: no column 'kind' among a, b with semicolons between them; "
        "give the column with the class as target"
    )
