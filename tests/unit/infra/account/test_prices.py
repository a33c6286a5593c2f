"""Price tables: complete for every type that a stack may use, dated, and with an error for what they lack."""

from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from components.aws import instance_types
from infra.account import prices
from infra.account.prices import PriceError, load_prices

# Not offered on demand in us-east-1.
_NOT_OFFERED = {"p5e.48xlarge"}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of price tables."""
    monkeypatch.setattr(prices, "FOLDER", tmp_path)
    return tmp_path


def table() -> dict[str, object]:
    return yaml.safe_load((Path(prices.__file__).parent / "price_tables/us-east-1.yaml").read_text())


def test_every_type_that_a_stack_may_name_has_a_price() -> None:
    region = load_prices("us-east-1")
    lacking = {name for name in instance_types.names() if name not in region.table.instances.prices}
    assert lacking == _NOT_OFFERED


def test_a_price_is_exact() -> None:
    # A float would be 0.09999999999999999...
    assert load_prices("us-east-1").instance("g6.xlarge") * 10 == Decimal("8.048")


def test_a_larger_size_of_a_family_costs_more() -> None:
    region = load_prices("us-east-1")
    sizes = ["xlarge", "2xlarge", "4xlarge", "8xlarge"]
    for family in ("g4dn", "g5", "g6", "g6e", "m6i", "m7i", "m7i-flex", "c7i", "r7i"):
        found = [region.instance(f"{family}.{size}") for size in sizes]
        assert found == sorted(set(found)), family


def test_every_part_has_a_date_and_a_source() -> None:
    sources = list(load_prices("us-east-1").sources())
    assert len(sources) == 3
    assert all(": 20" in source for source in sources)


def test_a_region_without_a_table_is_named() -> None:
    with pytest.raises(
        PriceError,
        match=r"eu-west-1: add infra/account/price_tables/eu-west-1\.yaml; there are tables for us-",
    ):
        load_prices("eu-west-1")


def test_a_type_without_a_price_is_named_with_the_file() -> None:
    with pytest.raises(
        PriceError,
        match=r"no price of instance type p5e\.48xlarge in us-east-1, .*add it to infra/account/price_tables",
    ):
        load_prices("us-east-1").instance("p5e.48xlarge")
    with pytest.raises(PriceError, match=r"no price of database class db\.x9\.large in us-east-1"):
        load_prices("us-east-1").database("db.x9.large")


def test_a_table_of_another_region_is_refused(folder: Path) -> None:
    (folder / "eu-west-1.yaml").write_text(yaml.safe_dump(table()))
    with pytest.raises(PriceError, match="contains prices of us-east-1: name the file after"):
        load_prices("eu-west-1")


@pytest.mark.parametrize("price", [0, -1, "free", None])
def test_a_price_that_is_none_is_refused(folder: Path, price: object) -> None:
    content = table()
    content["services"]["prices"]["keyMonth"] = price  # type: ignore[index]
    (folder / "us-east-1.yaml").write_text(yaml.safe_dump(content))
    with pytest.raises(PriceError, match=r"us-east-1\.yaml: .*keyMonth"):
        load_prices("us-east-1")
