"""Commands about an account: cost of two stacks, policies as files, and a stack without AWS."""

import json
from pathlib import Path

import pytest
from moto import mock_aws

from infra import commands
from infra.account import bootstrap, deployer_policy, session
from infra.settings import stack_file
from tests.unit.infra import demands


def test_two_stacks_are_compared(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["cost", "--diff", "dev", "prod"]) == 0
    shown = capsys.readouterr().out
    assert "dev at min" in shown
    assert "prod at max" in shown
    assert "GPU pool training" in shown


def test_a_stack_is_compared_with_an_earlier_version_of_its_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = tmp_path / "before.yaml"
    before.write_text(stack_file.path("dev").read_text().replace("nat: single", "nat: perZone"))
    assert commands.main(["cost", "--diff", str(before), "dev"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split()[:4] == ["component", "before", "at", "min"]
    assert [line.split()[0] for line in lines[1:-1]] == ["Vpc", "total"]
    assert "-36.50" in lines[1]


def test_a_file_that_is_not_there_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["cost", "--diff", "dev", str(tmp_path / "none.yaml")]) == 1
    assert "no such file; give a stack, or the path of a stack file" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["bootstrap", "policy"])
def test_a_stack_without_aws_has_no_account(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main([command, "--stack", "local"]) == 1
    assert "--stack local: its cluster is of kind kubeconfig" in capsys.readouterr().err


def test_policies_are_written_as_files_that_aws_accepts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert commands.main(["policy", "--stack", "dev", "--folder", str(tmp_path / "policies")]) == 0
    files = [Path(line) for line in capsys.readouterr().out.splitlines()]
    assert [file.name for file in files] == [f"plinth-dev-deploy-{n}.json" for n in range(1, len(files) + 1)]
    for file in files:
        assert len(file.read_text()) == deployer_policy.size(json.loads(file.read_text())) <= 6144


def test_bootstrap_prints_the_lines_of_the_stack(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    text = stack_file.path("dev").read_text().replace("111122223333", demands.ACCOUNT)
    (tmp_path / "Pulumi.x.yaml").write_text(text)
    monkeypatch.setattr(stack_file, "STACKS", tmp_path)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with mock_aws():
        assert commands.main(["bootstrap", "--stack", "x"]) == 0
        account = session.connect("us-east-1")
        (bucket,) = account.s3.list_buckets()["Buckets"]
    shown = capsys.readouterr().out
    assert f"bucket {bucket.get('Name')}: created" in shown
    assert "in stacks/Pulumi.x.yaml" in shown
    assert bootstrap.backend_of(stack_file.settings("x").cluster).url in shown  # type: ignore[arg-type]
