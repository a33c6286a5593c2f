"""Arithmetic of the planning benchmark."""

from typing import Any

import pytest

from infra.settings import reader, stack_file
from infra.settings.stack import PROJECT
from simulation.aws import bench_plan
from simulation.aws.bench_plan import Figure


def figure(size: int, resources: int, cpu_seconds: float) -> Figure:
    return Figure(size=size, resources=resources, seconds=1.0, cpu_seconds=cpu_seconds, memory_mib=300)


def test_growth_compares_the_cost_per_resource() -> None:
    assert bench_plan.growth([figure(1, 100, 10.0), figure(10, 200, 99.0), figure(100, 1000, 100.0)]) == 1.0
    assert bench_plan.growth([figure(1, 100, 10.0), figure(100, 1000, 150.0)]) == pytest.approx(1.5)


@pytest.mark.parametrize("size", bench_plan.SIZES)
def test_a_grown_stack_is_a_valid_stack(size: int) -> None:
    content: dict[str, Any] = bench_plan.grown(stack_file.read(stack_file.path("dev")), size)
    chosen = reader.parse(
        {key.removeprefix(f"{PROJECT}:"): value for key, value in content["config"].items()}
    )
    assert len(chosen.gpu_pools) == len(chosen.teams) == size


def test_a_row_aligns_with_its_head() -> None:
    assert len(figure(100, 1000, 42.0).line()) <= len(bench_plan.HEAD)
