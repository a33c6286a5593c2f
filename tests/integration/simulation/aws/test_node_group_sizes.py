"""Sizes of a node group that an autoscaler changes too: real engine, simulated provider."""

from collections.abc import Generator
from pathlib import Path

import pytest

from simulation.aws.simulation import Simulation, simulated
from tests.fixtures.small_program import SmallProgram

PROGRAM = """
import json
import pulumi
import pulumi_aws as aws
from components.aws.node_group import NodeGroup, NodeGroupArgs
from infra import group_sizes

choices = json.loads(open("choices.json").read())
provider = aws.Provider("here", region="eu-west-1")
NodeGroup(
    "pool",
    NodeGroupArgs(
        cluster_name="here",
        node_role_arn="arn:aws:iam::123456789012:role/nodes",
        subnet_ids=["subnet-0123456789abcdef0"],
        kubernetes_version="1.36",
        ami_type="AL2023_x86_64_STANDARD",
        instance_types=("m7i.xlarge",),
        min_nodes=choices["min"],
        max_nodes=choices["max"],
        sizes=group_sizes.find("here", pulumi.InvokeOptions(provider=provider)),
    ),
    pulumi.ResourceOptions(provider=provider),
)
"""


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallProgram:
    return SmallProgram(tmp_path, PROGRAM, {"min": 1, "max": 4}, monkeypatch)


@pytest.fixture
def simulation(program: SmallProgram, tmp_path: Path) -> Generator[Simulation]:
    with simulated("local", tmp_path / "engine") as simulation:
        simulation.engine.prepare()
        simulation.run_successfully("up")
        yield simulation


def test_a_raised_minimum_starts_nodes(simulation: Simulation, program: SmallProgram) -> None:
    program.choose(min=2)
    simulation.run_successfully("up")
    assert simulation.account.groups.nodes("pool") == 2


def test_what_the_autoscaler_started_stays(simulation: Simulation, program: SmallProgram) -> None:
    groups = simulation.account.groups
    groups.scale("pool", 3)
    assert simulation.run_successfully("up", "--expect-no-changes").summary.changed == 0
    program.choose(min=2)
    simulation.run_successfully("up")
    assert groups.nodes("pool") == 3
    groups.scale("pool", 4)
    program.choose(min=1, max=6)
    simulation.run_successfully("up")
    assert groups.nodes("pool") == 4


def test_a_maximum_below_the_present_size_is_refused_before_anything_changes(
    simulation: Simulation, program: SmallProgram
) -> None:
    simulation.account.groups.scale("pool", 3)
    program.choose(max=2)
    refused = simulation.run("up")
    assert refused.code != 0
    assert any("max_nodes: 2; the group has 3 nodes" in error for error in refused.summary.errors)
    assert simulation.account.groups.nodes("pool") == 3
