"""The arithmetic of the estimate, by hand for a whole stack and as properties for any pools."""

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st

from infra.account import cost
from infra.account.demand import Demand, NodePool, demand_of
from infra.account.prices import PriceError, load_prices
from infra.settings import reader
from infra.settings.cluster import CapacityType
from tests.unit.infra import choices
from tests.unit.infra.demands import pool

PRICES = load_prices("us-east-1")
TYPES = sorted(PRICES.table.instances.prices)
HOURS = Decimal(730)


def stack_demand(stack: str) -> Demand:
    return demand_of(reader.parse(choices.of_stack(stack)), stack)


_DEV = stack_demand("dev")


def bare(*pools: NodePool) -> Demand:
    """Return the demand of a stack without databases and buckets."""
    return replace(_DEV, pools=pools, databases=(), buckets=())


@st.composite
def pools(draw: st.DrawFn) -> NodePool:
    max_by_type = draw(st.dictionaries(st.sampled_from(TYPES), st.integers(1, 50), min_size=1, max_size=4))
    return pool(
        name=draw(st.sampled_from(["a", "b", "c"])),
        min_nodes=draw(st.integers(0, min(max_by_type.values()))),
        max_by_type=max_by_type,
        disk_gib=draw(st.integers(50, 16384)),
        capacity_type=draw(st.sampled_from([CapacityType.ON_DEMAND, CapacityType.SPOT])),
    )


def amounts(demand: Demand, component: str) -> list[tuple[str, str]]:
    found = [line for line in cost.lines(demand, PRICES) if line.component == component]
    return [(str(line.minimum), str(line.maximum)) for line in found]


def test_the_estimate_of_prod_is_what_a_person_calculates() -> None:
    demand = stack_demand("prod")
    assert amounts(demand, "EksCluster") == [("73.00", "73.00")]
    # 3 gateways at 0.045, 3 addresses at 0.005, 100 GB at 0.045, 11 services in 3 zones at 0.01, 200 GB.
    assert [low for low, _ in amounts(demand, "Vpc")] == ["98.55", "10.95", "4.50", "240.90", "2.00"]
    assert amounts(demand, "GPU pool inference") == [
        ("713.65", "5709.18"),
        ("16.00", "128.00"),
        ("2.10", "16.80"),
    ]
    assert amounts(demand, "GPU pool training") == [
        ("0.00", "160716.80"),
        ("0.00", "160.00"),
        ("0.00", "8.40"),
    ]
    # db.m7g.large twice, 100 GiB twice.
    assert [low for low, _ in amounts(demand, "RdsPostgres")] == ["245.28", "23.00"]


def test_a_standby_costs_what_the_database_costs() -> None:
    prod = stack_demand("prod")
    alone = replace(prod, databases=tuple(replace(each, multi_az=False) for each in prod.databases))
    for component in ("RdsPostgres", "RdsMysql"):
        with_standby, single = amounts(prod, component)[:2], amounts(alone, component)[:2]
        assert [Decimal(low) for low, _ in with_standby] == [2 * Decimal(low) for low, _ in single]


def test_a_pool_of_several_types_counts_the_cheapest_at_min_and_the_dearest_at_max() -> None:
    mixed = pool(min_nodes=2, max_by_type={"g6e.xlarge": 8, "g6e.12xlarge": 2, "g6e.48xlarge": 1})
    nodes, *_ = amounts(bare(mixed), "GPU pool one")
    # Two of the smallest; one of the largest costs more than eight of the smallest.
    assert nodes == (str((2 * Decimal("1.861") * HOURS).quantize(Decimal("0.01"))), "21995.76")


@pytest.mark.parametrize(
    "changes",
    [{"capacity_type": CapacityType.CAPACITY_BLOCK, "reservation": "cr-1"}, {"reservation": "cr-1"}],
)
def test_reserved_nodes_cost_nothing_more_and_say_why(changes: dict[str, object]) -> None:
    (line, disks, _) = [
        line for line in cost.lines(bare(pool(**changes)), PRICES) if line.component[:3] == "GPU"
    ]
    assert (line.minimum, line.maximum, line.how) == (0, 0, "billed with cr-1")
    assert disks.maximum > 0


def test_without_endpoints_their_traffic_goes_through_nat() -> None:
    (_, _, data) = [low for low, _ in amounts(stack_demand("dev"), "Vpc")]
    # 100 + 200 GB at 0.045.
    assert data == "13.50"


def test_a_busy_month_costs_what_its_logs_and_traffic_cost() -> None:
    demand = stack_demand("prod")
    # 20 to 200 GB at 0.50; a year of them, twelve times as much, at 0.03.
    assert amounts(demand, "Logs") == [("10.00", "100.00"), ("7.32", "73.02")]
    assert amounts(demand, "Vpc")[2] == ("4.50", "45.00")
    assert amounts(demand, "Vpc")[4] == ("2.00", "20.00")
    (how, *_) = [line.how for line in cost.lines(demand, PRICES) if line.component == "Logs"]
    assert how == "20 to 200 GB assumed x 0.5 USD"


def test_the_notes_say_from_when_endpoints_are_cheaper_than_nat() -> None:
    with_them, logs = cost.notes(stack_demand("prod"), PRICES)
    # 33 at 0.01 an hour; 0.045 - 0.01 saved per GB.
    assert with_them.startswith("33 interface endpoints cost 240.90 USD a month and save 0.035 USD per GB")
    assert "cheaper above 6,882 GB" in with_them
    assert "would cost 160.60 USD" in next(cost.notes(stack_demand("dev"), PRICES))
    assert "100 GB of logs a month cost 50.00 USD" in logs


def test_what_is_stored_in_the_cluster_costs_its_volumes() -> None:
    assert amounts(replace(stack_demand("dev"), volumes_gib=70), "Persistent volumes") == [("5.60", "5.60")]
    assert not amounts(replace(stack_demand("dev"), volumes_gib=0), "Persistent volumes")


def test_a_type_without_a_price_ends_the_estimate() -> None:
    with pytest.raises(PriceError, match=r"p5e\.48xlarge in us-east-1"):
        cost.lines(bare(pool(max_by_type={"p5e.48xlarge": 1})), PRICES)


# No deadline: the machine may be slow.
@examples(deadline=None, max_examples=50)
@given(st.lists(pools(), max_size=4))
def test_the_cost_is_the_sum_of_its_lines_in_whole_cents(chosen: list[NodePool]) -> None:
    found = cost.lines(bare(*chosen), PRICES)
    low, high = cost.total(found)
    assert low == sum(line.minimum for line in found)
    assert high == sum(line.maximum for line in found)
    for line in found:
        assert line.minimum == line.minimum.quantize(Decimal("0.01"))
        assert 0 <= line.minimum <= line.maximum


@examples(deadline=None, max_examples=50)
@given(st.lists(pools(), max_size=3), pools())
def test_a_pool_adds_exactly_its_own_lines(chosen: list[NodePool], more: NodePool) -> None:
    without, with_it, alone = (
        cost.total(cost.lines(bare(*each), PRICES)) for each in ([*chosen], [*chosen, more], [more])
    )
    nothing = cost.total(cost.lines(bare(), PRICES))
    assert with_it == tuple(a + b - c for a, b, c in zip(without, alone, nothing, strict=True))


@examples(deadline=None, max_examples=50)
@given(pools(), st.integers(1, 20))
def test_a_higher_max_never_costs_less_and_leaves_the_minimum(chosen: NodePool, more: int) -> None:
    wider = replace(chosen, max_by_type={name: count + more for name, count in chosen.max_by_type.items()})
    low, high = cost.total(cost.lines(bare(chosen), PRICES))
    wider_low, wider_high = cost.total(cost.lines(bare(wider), PRICES))
    assert low == wider_low
    assert low <= high < wider_high
