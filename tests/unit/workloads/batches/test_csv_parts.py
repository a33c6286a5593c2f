"""CSV files for a model that knows its columns."""

from pathlib import Path
from typing import Any

import pytest

from workloads.batches import parts
from workloads.batches.csv_parts import parts_of_csv
from workloads.batches.model_columns import Wanted

NUMBER = Wanted("n", "number", "float64")
WHOLE = Wanted("w", "whole number", "int64")
BOOLEAN = Wanted("b", "boolean", "bool")
TEXT = Wanted("t", "text", "object")


def read(folder: Path, content: str, wanted: list[Wanted], keep: list[str] | None = None) -> list[parts.Part]:
    path = folder / "data.csv"
    path.write_text(content)
    return list(parts_of_csv(path, wanted, keep or []))


def test_cells_become_what_the_model_takes(tmp_path: Path) -> None:
    content = "t;n;b;w;id\n rot ;1,5;TRUE;3;007\n;NA;;-4,0; x\n"
    (part,) = read(tmp_path, content, [NUMBER, WHOLE, BOOLEAN, TEXT], ["id"])
    assert part.cells["n"].tolist()[0] == 1.5
    assert str(part.cells["n"][1]) == "nan"
    assert part.cells["w"].tolist() == [3.0, -4.0]
    assert part.cells["b"] == [True, None]
    assert part.cells["t"] == ["rot", None]
    assert part.kept["id"].to_pylist() == ["007", "x"]
    assert (part.where, part.rows) == ("lines 2 to 3", 2)


def test_a_file_comes_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_MOST_ROWS", 2)
    monkeypatch.setattr(parts, "_FEWEST_ROWS", 2)
    found = read(tmp_path, "n\n" + "".join(f"{at}.5\n" for at in range(5)), [NUMBER])
    assert [(part.where, part.rows) for part in found] == [
        ("lines 2 to 3", 2),
        ("lines 4 to 5", 2),
        ("lines 6 to 6", 1),
    ]
    assert [value for part in found for value in part.cells["n"].tolist()] == [0.5, 1.5, 2.5, 3.5, 4.5]


@pytest.mark.parametrize(
    ("content", "wanted", "reason"),
    [
        ("n\n1.5\nred\n", NUMBER, "data line 3: feature 'n' is 'red', not a number; encode, fill or drop it"),
        ("n\n1.5\ninf\n", NUMBER, "data line 3: feature 'n' is 'inf', not a number; fill or drop it"),
        ('n\n1.5\n"2,000"\n', NUMBER, "data line 3: feature 'n' is '2,000', not a number for certain: "),
        (
            "n;m\n1,5;1\n2.25;1\n",
            NUMBER,
            "data line 2: feature 'n' is '1,5', not a number; write decimals with a",
        ),
        ("w\n1\n1.5\n", WHOLE, "data line 3: 'w' is '1.5'; the model takes whole numbers there"),
        ("w,x\n1,1\n,1\n", WHOLE, "data line 3: 'w' is ''; the model takes whole numbers there"),
        ("b\ntrue\nyes\n", BOOLEAN, "data line 3: 'b' is 'yes'; the model takes true or false there"),
    ],
)
def test_a_bad_cell_names_its_line(tmp_path: Path, content: str, wanted: Wanted, reason: str) -> None:
    keep: Any = [name for name in ("m", "x") if name in content.split("\n")[0]]
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the text is compared
        read(tmp_path, content, [wanted], keep)
    assert str(refused.value).startswith(reason)


def test_the_first_part_decides_the_sign_of_decimals_and_another_one_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "_MOST_ROWS", 2)
    monkeypatch.setattr(parts, "_FEWEST_ROWS", 2)
    content = "n;m\n1,5;1\n2,5;1\n3;1\n2.25;1\n"
    with pytest.raises(
        ValueError, match=r"^data line 5: feature 'n' is '2\.25', not a number; write decimals with a"
    ):
        read(tmp_path, content, [NUMBER], ["m"])
