"""Data that no model can be trained on."""

from pathlib import Path
from typing import Any

import pytest
from kfp import dsl

from workloads.steps import validate_data

VALIDATE: Any = validate_data.validate_data
GOOD = "size,weight,kind\n" + "".join(f"{n},{n}.5,{'ab'[n % 2]}\n" for n in range(8))


def validate(folder: Path, content: str | bytes, target: str = "kind") -> Any:
    file = folder / "data.csv"
    file.write_bytes(content if isinstance(content, bytes) else content.encode())
    dataset = dsl.Dataset(uri=str(file))
    return VALIDATE.python_func(dataset=dataset, data_sha256="any", target=target)


@pytest.mark.parametrize(
    "content",
    [GOOD, GOOD.replace("\n", "\r\n"), "\ufeff" + GOOD, GOOD + "\n\n", GOOD.replace("0.5,a", '"0.5","a"')],
)
def test_good_data_is_counted(tmp_path: Path, content: str) -> None:
    assert tuple(validate(tmp_path, content)) == (8, 2, 2)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "data: empty; give a CSV file with a header line and rows"),
        ("\n\n", "data: empty; give a CSV file with a header line and rows"),
        ("size,kind\n", "data: a header line but no rows; give at least 4 rows of each class"),
        (
            "size,weight\n1,2\n",
            "data: no column 'kind' among size, weight; give the column with the class as target",
        ),
        ("kind\na\n", "data: only the column 'kind'; add at least one feature"),
        ("size,size,kind\n1,2,a\n", "data: column 'size' occurs more than once; rename one of them"),
        (
            GOOD.replace("3,3.5", "3,red"),
            "data line 5: feature 'weight' is 'red', not a number; encode, fill or drop it",
        ),
        (
            GOOD.replace("3,3.5", "inf,3.5"),
            "data line 5: feature 'size' is 'inf', not a number; fill or drop it",
        ),
        (
            GOOD.replace("3,3.5,b", "3,3.5"),
            "data line 5: 2 values under 3 columns, with commas between them; fix that line",
        ),
        (GOOD.replace("3.5,b", "3.5, "), "data line 5: target 'kind' is empty; fill or drop that row"),
        (GOOD.replace(",b", ",a"), "data: target 'kind' has one class, 'a'; give rows of at least two"),
        (GOOD + "9,9,c\n", "data: class 'c' has 1 rows; give at least 4 rows of each class"),
        (b"size,kind\n1,\xff\n", "data line 2: not UTF-8 text at byte 12; save the CSV file as UTF-8"),
    ],
)
def test_bad_data_is_refused_in_one_line(tmp_path: Path, content: str | bytes, reason: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the whole text is compared
        validate(tmp_path, content)
    assert str(refused.value) == reason
