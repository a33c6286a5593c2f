"""What the cells of a column are."""

import pytest

from workloads.steps.csv_columns import Column, Feature, kind_of


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("", "empty"),
        ("NaN", "absent"),
        ("?", "absent"),
        ("none", "word"),
        ("7", "integer"),
        ("-007", "integer"),
        ("+5", "integer"),
        ("9007199254740993", "long"),
        ("1.5", "point"),
        (".5e-3", "point"),
        ("1.234", "grouped point"),
        ("0.125", "point"),
        ("1e999", "infinite"),
        ("-inf", "infinite"),
        ("1,5", "comma"),
        ("0,125", "comma"),
        ("1,234", "grouped"),
        ("1,234,567", "dressed"),
        ("1.234,5", "dressed"),
        ("1_000", "dressed"),
        ("٣", "dressed"),
        ("12%", "dressed"),
        ("€5", "dressed"),
        ("1 234,5 €", "dressed"),
        ("1\u00a0234", "dressed"),
        ("\u22125", "dressed"),
        ("5 EUR", "dressed"),
        ("TRUE", "boolean"),
        ("2024-02-29", "date"),
        ("29.2.24 10:30", "date"),
        ("A12", "word"),
        ("3 rooms", "word"),
        ("-", "word"),
    ],
)
def test_a_cell_has_one_kind(text: str, kind: str) -> None:
    assert kind_of(text) == kind


def column(*cells: str, name: str = "x", times: int = 1) -> Column:
    found = Column(name, 0)
    for at in range(times):
        first = 2 + at * len(cells)
        found.add(list(range(first, first + len(cells))), cells)
    return found


@pytest.mark.parametrize(
    ("cells", "decimal", "kind", "missing"),
    [
        (("1", " 2.5 ", "-3e2"), ".", "number", 0),
        (("1", "2,5"), ",", "number", 0),
        (("1", "", "NA", "?"), ".", "number", 3),
        (("True", "FALSE", "true"), ".", "boolean", 0),
        (("True", "", "NA"), ".", "boolean", 2),
        (("red", "blue", ""), ".", "text", 1),
        (("None", "NA", "red"), ".", "text", 0),
        (("A1", "B2", "7"), ".", "text", 0),
    ],
)
def test_a_column_is_what_most_of_it_is(
    cells: tuple[str, ...], decimal: str, kind: str, missing: int
) -> None:
    assert column(*cells).feature(decimal) == Feature("x", 0, kind, missing)


@pytest.mark.parametrize(
    ("cells", "decimal", "reason"),
    [
        (("1", "2", "red"), ".", "data line 4: feature 'x' is 'red', not a number; encode, fill or drop it"),
        (("1", "True"), ".", "data line 3: feature 'x' is 'True', not a number; encode, fill or drop it"),
        (("inf", "2"), ".", "data line 2: feature 'x' is 'inf', not a number; fill or drop it"),
        (
            ("12%", "13%"),
            ".",
            "data line 2: feature 'x' is '12%', not a number; "
            "write it as 1234.5, with no other sign in it, or drop it",
        ),
        (
            ("1.5", "2,5"),
            ".",
            "data line 3: feature 'x' is '2,5', not a number; write decimals with a point, "
            "as elsewhere in the file",
        ),
        (
            ("1,5", "2.5"),
            ",",
            "data line 3: feature 'x' is '2.5', not a number; write decimals with a comma, "
            "as elsewhere in the file",
        ),
        (
            ("1,234", "2,345"),
            ".",
            "data line 2: feature 'x' is '1,234', not a number for certain: 1234 or 1.234? "
            "write it without a comma",
        ),
        (
            ("12345678901234567890", "1"),
            ".",
            "data line 2: feature 'x' is '12345678901234567890', an integer too long to be kept exactly; "
            "drop an identifier, or round it",
        ),
        (
            ("2024-01-01", "2024-01-02"),
            ".",
            "data line 2: feature 'x' is '2024-01-01', a date, not a number; "
            "encode it as numbers, or drop it",
        ),
        (("", "NA"), ".", "data: feature 'x' is empty in every row; fill or drop it"),
    ],
)
def test_what_is_not_certain_is_refused_with_its_line(
    cells: tuple[str, ...], decimal: str, reason: str
) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        column(*cells).feature(decimal)
    assert str(refused.value) == reason


def test_an_identifier_is_refused() -> None:
    names = tuple(f"passenger {at}" for at in range(50))
    with pytest.raises(ValueError, match=r"line 2: feature 'x' is 'passenger 0', one of 50 different texts"):
        column(*names).feature(".")
    assert column(*names[:20], times=3).feature(".").kind == "text"


def test_an_index_that_pandas_read_is_refused() -> None:
    with pytest.raises(ValueError, match="column 'Unnamed: 0' is an index that was written without a name"):
        column("5", "3", name="Unnamed: 0").feature(".")


def test_the_first_line_of_a_kind_is_kept_over_parts() -> None:
    found = column("1", "2")
    found.add([4, 5], ("3", "x"))
    found.add([6, 7], ("y", "4"))
    assert found.first["word"] == (5, "x")
    assert (found.counts["integer"], found.counts["word"]) == (4, 2)
