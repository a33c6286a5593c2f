"""When a platform counts as idle."""

from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.instance import Instance
from harness.bench import rest


def test_the_cpus_used_are_those_of_all_processes_between_two_readings() -> None:
    assert rest.cpus_used({1: 10.0, 2: 5.0}, {1: 11.0, 2: 5.5}, 5.0) == pytest.approx(0.3)


def test_a_process_that_started_in_between_counts_and_one_that_ended_does_not() -> None:
    assert rest.cpus_used({1: 10.0}, {2: 2.0}, 4.0) == pytest.approx(0.5)


def test_two_readings_at_the_same_moment_do_not_divide_by_zero() -> None:
    assert rest.cpus_used({1: 1.0}, {1: 1.0}, 0.0) == 0.0


@pytest.mark.parametrize(
    ("cpus", "idle"), [(0.0, False), (0.01, True), (0.49, True), (0.5, False), (2.0, False)]
)
def test_an_idle_platform_uses_a_little_and_one_without_processes_is_none(cpus: float, idle: bool) -> None:
    assert rest.is_at_rest(cpus) is idle


def test_an_instance_that_is_not_running_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    with pytest.raises(ClusterError, match="is not running"):
        rest.wait_until_at_rest(Instance("nobody"))
