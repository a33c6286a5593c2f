"""The command line of stacks on AWS."""

import pytest

from simulation.aws.__main__ import main


def test_a_stack_that_is_not_on_aws_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "--stack", "local"]) == 1
    error = capsys.readouterr().err
    assert error == "error: --stack local: not on AWS; run `python -m infra preview --stack local`\n"


def test_an_unknown_stack_is_refused_in_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["preview", "--stack", "qa"]) == 1
    assert capsys.readouterr().err.startswith("error: --stack qa: no stacks/Pulumi.qa.yaml; there are: dev")
