"""Points at which a stage is looked at, and memory by component."""

import pytest

from harness.bench.scale import growth
from harness.memory import Memory


def memory(**mib: float) -> list[Memory]:
    return [Memory(component=name, resident=0, proportional=value) for name, value in mib.items()]


@pytest.mark.parametrize(
    ("count", "goals"), [(10_000, [1000, 5000, 10_000]), (50, [5, 25, 50]), (20, [2, 10, 20]), (1, [1])]
)
def test_a_stage_is_looked_at_three_times(count: int, goals: list[int]) -> None:
    assert growth.goals(count) == goals


def test_the_first_read_does_not_count() -> None:
    reads: list[int] = []
    assert growth.milliseconds(lambda: reads.append(1), times=3) >= 0
    assert len(reads) == 4


def test_what_takes_more_is_listed_the_largest_first() -> None:
    more = growth.added(memory(mlflow=300, etcd=100, traefik=50), memory(mlflow=310, etcd=100.5, new=40))
    assert list(more.items()) == [("new", 40), ("mlflow", 10)]


def test_the_highest_of_two_readings_is_by_component() -> None:
    assert growth.highest({"a": 1, "b": 5}, {"a": 9, "c": 2}) == {"a": 9, "b": 5, "c": 2}
