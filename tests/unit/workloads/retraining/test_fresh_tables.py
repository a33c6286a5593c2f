"""The tables that are trained on and compared by, in the notation of the base."""

from pathlib import Path

import pytest

from workloads.retraining.fresh_tables import Added, is_held_back, write_tables
from workloads.retraining.labelled_rows import LabelledRow
from workloads.steps.csv_table import read, survey

HELD = next(str(at) for at in range(100) if is_held_back(f"{at}:0"))
LEARNT = next(str(at) for at in range(100) if not is_held_back(f"{at}:0"))


def row(identity: str, label: str, **values: object) -> LabelledRow:
    return LabelledRow(f"{identity}:0", values, label)


def written(tmp_path: Path, base: str, *fresh: LabelledRow) -> tuple[Added, str, str]:
    source, table, rest = (tmp_path / name for name in ("base.csv", "table.csv", "rest.csv"))
    source.write_text(base)
    added = write_tables(source, survey(source, "target"), fresh, table, rest)
    return added, table.read_text(), rest.read_text()


BASE = "size,target,colour\n" + "".join(f"{at}.5,{'ab'[at % 2]},{('red', '')[at % 2]}\n" for at in range(8))


def test_rows_are_added_in_the_order_of_the_header_and_every_digit_is_kept(tmp_path: Path) -> None:
    added, table, rest = written(
        tmp_path,
        BASE,
        row(LEARNT, "a", colour="blue, or so", size=0.1 + 0.2),
        row(HELD, "b", size=None, colour=None, more=3),
    )
    assert added == Added(1, 1, 0)
    assert table == BASE + '0.30000000000000004,a,"blue, or so"\n'
    assert rest == "size,colour,target\n,,b\n"


def test_a_row_without_a_feature_is_left_out(tmp_path: Path) -> None:
    added, table, rest = written(tmp_path, BASE, row(LEARNT, "a", size=1.0))
    assert (added, table, rest) == (Added(0, 0, 1), BASE, "size,colour,target\n")


def test_decimal_commas_stay_what_they_are(tmp_path: Path) -> None:
    base = "size;target\n" + "".join(f"{at},25;{at * at},75\n" for at in range(20))
    _, table, _ = written(tmp_path, base, row(LEARNT, "3.5", size=1.125))
    assert table == base + "1,125;3,5\n"
    found = survey(tmp_path / "table.csv", "target")
    assert found.task == "regression"
    assert read(tmp_path / "table.csv", found).labels[-1] == 3.5


@pytest.mark.parametrize("separator", ["\t", "|", ";"])
def test_a_base_with_another_separator_keeps_its_values(tmp_path: Path, separator: str) -> None:
    base = "# note\n" + BASE.replace(",", separator)
    _, table, _ = written(tmp_path, base, row(LEARNT, "a", size=2.25, colour="red"))
    assert table == BASE + "2.25,a,red\n"


def test_booleans_are_spelt_as_they_are_read(tmp_path: Path) -> None:
    base = "new,target\n" + "".join(f"{at % 2 == 0},{'ab'[at % 2]}\n" for at in range(8))
    _, table, _ = written(tmp_path, base, row(LEARNT, "a", new=True))
    assert table == base + "True,a\n"


def test_three_rows_of_ten_are_held_back_and_always_the_same_ones() -> None:
    held = [is_held_back(f"request-{at}") for at in range(10000)]
    assert abs(sum(held) / len(held) - 0.3) < 0.02
    assert held == [is_held_back(f"request-{at}") for at in range(10000)]
