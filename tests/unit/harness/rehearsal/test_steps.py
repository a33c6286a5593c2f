"""Steps of a rehearsal: the same on the account and on the stand-in, but for what only an account shows."""

from pathlib import Path

import pytest

from harness.rehearsal import steps
from harness.rehearsal.steps import Step, Target
from infra.settings import reader, stack_file
from infra.settings.stack import PROJECT

STACKS = ("dev", "staging", "prod")


def target(stack: str, stand_in: Path | None = None) -> Target:
    return Target(stack=stack, settings=stack_file.settings(stack), stand_in=stand_in)


def names(listed: tuple[Step, ...]) -> list[str]:
    return [each.name for each in listed]


@pytest.mark.parametrize("stack", STACKS)
def test_both_have_the_same_steps_and_the_account_shows_all(stack: str, tmp_path: Path) -> None:
    real, simulated = target(stack).steps(), target(stack, tmp_path).steps()
    assert names(real) == names(simulated)
    assert all(each.commands and not each.not_shown for each in real)
    assert {each.name for each in simulated if each.not_shown} == {
        "preflight",
        "prediction",
        "verify",
        "GPU pod",
        "leftovers",
    }
    assert all(bool(each.commands) != bool(each.not_shown) for each in simulated)


@pytest.mark.parametrize("stack", STACKS)
def test_the_stand_in_never_gets_a_command_of_the_account(stack: str, tmp_path: Path) -> None:
    for step in target(stack, tmp_path).steps():
        for command in step.commands:
            assert command.argv[1:3] == ("-m", "simulation.aws")
            assert command.argv[-2:] == ("--at", str(tmp_path))


def test_what_costs_money_is_removed_also_after_a_failure() -> None:
    always = [each.name for each in target("prod").steps() if each.always]
    assert always == ["protection", "destroy", "leftovers"]
    assert "protection" not in names(target("dev").steps())


def test_a_stack_without_gpus_has_no_step_for_them() -> None:
    settings = stack_file.settings("dev").model_copy(update={"gpu_pools": (), "teams": ()})
    assert "GPU pod" not in names(Target(stack="dev", settings=settings).steps())


@pytest.mark.parametrize("stack", STACKS)
def test_every_change_is_a_valid_stack(stack: str) -> None:
    content = stack_file.read(stack_file.path(stack))
    for step in target(stack).steps():
        content = steps.changed(content, step.changes)
        values = {key.removeprefix(f"{PROJECT}:"): value for key, value in content["config"].items()}
        assert not reader.parse(values).protect or step.name not in ("protection", "destroy")
    assert content["config"]["plinth:cluster"]["logDays"] == 3
    assert stack_file.read(stack_file.path(stack))["config"]["plinth:cluster"].get("logDays") != 3
