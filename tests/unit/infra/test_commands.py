"""The command line: its two entry points, and one line for each mistake."""

import json
import runpy
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pulumi
import pytest
import yaml

from cluster.instance import Endpoints, Instance
from infra import changes, commands
from infra.engine import programs
from infra.parts import SECRETS
from infra.settings import stack_file
from tests.fixtures.recorder import deploy
from tests.unit.infra import choices
from upstream.cache import cache_root

DEV = choices.of_stack("dev")
KUBECONFIG: dict[str, Any] = {
    "contexts": [{"name": "main", "context": {"cluster": "here", "user": "me"}}],
    "clusters": [{"name": "here", "cluster": {"server": ""}}],
    "users": [],
    "current-context": "main",
}


@pytest.fixture
def stacks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of stack files, and an empty cache."""
    folder = tmp_path / "stacks"
    folder.mkdir()
    monkeypatch.setattr(stack_file, "STACKS", folder)
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    return folder


def write_stack(folder: Path, **cluster: Any) -> None:
    content = {"config": {"plinth:cluster": {"kind": "kubeconfig", "name": "x", **cluster}}}
    (folder / "Pulumi.x.yaml").write_text(yaml.safe_dump(content))


def write_stack_on_aws(folder: Path) -> None:
    config = {f"plinth:{key}": value for key, value in DEV.items()}
    (folder / "Pulumi.x.yaml").write_text(yaml.safe_dump({"config": config}))


def write_kubeconfig(folder: Path, server: str) -> str:
    content = KUBECONFIG | {"clusters": [{"name": "here", "cluster": {"server": server}}]}
    path = folder / "kubeconfig"
    path.write_text(yaml.safe_dump(content))
    return str(path)


def error_of(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return the one line that a failing command writes to standard error."""
    assert commands.main(arguments) == 1
    (line,) = capsys.readouterr().err.splitlines()
    return line


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def test_a_wrong_setting_ends_the_command_before_anything_runs(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stack(stacks, colour="red")
    assert error_of(["up", "--stack", "x"], capsys) == (
        "error: plinth:cluster.colour is not a setting; allowed here: context, kind, kubeconfig, name"
    )


def test_an_unknown_stack_is_named(stacks: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_stack(stacks)
    assert error_of(["up", "--stack", "y"], capsys) == (
        "error: --stack y: no stacks/Pulumi.y.yaml; there are: x"
    )


def test_a_cluster_that_is_not_up_is_named_with_the_command(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stack(stacks)
    line = error_of(["up", "--stack", "x", "--name", "mine"], capsys)
    assert line == "error: cluster 'mine' is not up: run `python -m cluster up --name mine`"


def test_a_cluster_that_does_not_answer_is_named_with_its_address(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server = f"https://127.0.0.1:{free_port()}"
    write_stack(stacks, kubeconfig=write_kubeconfig(stacks, server))
    line = error_of(["up", "--stack", "x"], capsys)
    assert f"does not answer at {server}" in line
    assert line.endswith("correct plinth:cluster.kubeconfig")


@pytest.mark.parametrize(
    ("context", "message"),
    [("other", "has no server for other"), (None, "does not exist: set plinth:cluster.kubeconfig")],
)
def test_a_kubeconfig_that_cannot_be_used_is_named(
    stacks: Path, capsys: pytest.CaptureFixture[str], context: str | None, message: str
) -> None:
    path = write_kubeconfig(stacks, "https://127.0.0.1:1") if context else str(stacks / "none")
    write_stack(stacks, kubeconfig=path, context=context)
    assert message in error_of(["up", "--stack", "x"], capsys)


def test_destroying_a_stack_that_was_never_installed_is_no_error(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stack(stacks)
    assert commands.main(["destroy", "--stack", "x"]) == 0
    assert "nothing is installed" in capsys.readouterr().out


def test_outputs_of_a_local_stack_include_kubeconfig_and_gateway_url(
    stacks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack(stacks)
    instance = Instance("mine")
    endpoints = Endpoints(
        kubeconfig="/k", api="https://a", gateway="http://127.0.0.1:8080", registry="r", node_ip="n"
    )
    instance.endpoints_file.parent.mkdir(parents=True)
    instance.endpoints_file.write_text(endpoints.text())
    monkeypatch.setattr(commands.Engine, "outputs", lambda _: {"gateway_domain": "plinth.localhost"})
    assert commands.main(["outputs", "--stack", "x", "--name", "mine"]) == 0
    assert json.loads(capsys.readouterr().out) == {
        "gateway_domain": "plinth.localhost",
        "gateway_url": "http://127.0.0.1:8080",
        "kubeconfig": "/k",
    }


def test_outputs_of_a_stack_with_tls_are_an_https_url_and_a_file_to_trust(
    stacks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack(stacks)
    instance = Instance("mine")
    (instance.folder / "pulumi").mkdir(parents=True)
    endpoints = Endpoints(
        kubeconfig="/k", api="https://a", gateway="http://127.0.0.1:8080", registry="r", node_ip="n"
    )
    instance.endpoints_file.write_text(endpoints.text())
    found = {
        "gateway_domain": "plinth.localhost",
        "gateway_authority": "the certificate",
        "identity_authority": "the company's",
    }
    monkeypatch.setattr(commands.Engine, "outputs", lambda _: dict(found))
    assert commands.main(["outputs", "--stack", "x", "--name", "mine"]) == 0
    printed = json.loads(capsys.readouterr().out)
    assert Path(printed.pop("gateway_authority")).read_text() == "the certificate"
    assert Path(printed.pop("identity_authority")).read_text() == "the company's"
    assert printed == {
        "gateway_domain": "plinth.localhost",
        "gateway_url": "https://127.0.0.1:8080",
        "gateway_address": "127.0.0.1",
        "kubeconfig": "/k",
    }


def test_the_kubeconfig_of_a_stack_on_aws_is_readable_by_its_owner_alone(
    stacks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack_on_aws(stacks)
    made = cache_root() / "stacks" / "x"
    made.mkdir(parents=True)
    found = {"gateway_domain": "dev.example", "gateway_url": "http://balancer.example"}
    monkeypatch.setattr(commands.Engine, "outputs", lambda _: dict(found))
    monkeypatch.setattr(commands.Engine, "secret_output", lambda _, name: f"content of {name}")
    assert commands.main(["outputs", "--stack", "x"]) == 0
    path = made / "kubeconfig"
    assert json.loads(capsys.readouterr().out) == {**found, "kubeconfig": str(path)}
    assert path.read_text() == "content of kubeconfig"
    assert path.stat().st_mode & 0o077 == 0


def test_a_stack_on_aws_needs_no_cluster_and_takes_its_backend_from_the_environment(
    stacks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack_on_aws(stacks)
    seen: list[commands.Engine] = []
    monkeypatch.setattr(commands.Engine, "prepare", lambda engine: seen.append(engine))
    monkeypatch.setattr(commands.Engine, "exists", lambda _: True)
    monkeypatch.setattr(commands.Engine, "resources", lambda _: [])
    monkeypatch.setattr(commands.Engine, "forget_secrets", lambda _: None)
    ran: list[tuple[str, ...]] = []
    monkeypatch.setattr(changes, "run_engine", lambda _, *words: 0 if ran.append(words) is None else 1)
    assert commands.main(["preview", "--stack", "x"]) == 0
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state-of-everyone")
    assert commands.main(["up", "--stack", "x"]) == 0
    local, shared = seen
    assert (local.backend, shared.backend) == (None, "s3://state-of-everyone")
    # Behind the access of a cluster on AWS the engine itself looks for what was changed by hand.
    assert ran == [("preview", "--refresh"), ("up", "--refresh")]
    for each in seen:
        assert each.kubeconfig is None
        assert each.downloads
        assert each.folder == cache_root() / "stacks" / "x"


def test_a_shell_is_told_where_pulumi_and_the_cluster_are_and_no_secret(
    stacks: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    write_stack(stacks)
    placed: list[Path] = []
    monkeypatch.setattr(programs, "place_all", placed.append)
    assert commands.main(["env", "--stack", "x", "--name", "mine"]) == 0
    path, kubeconfig = capsys.readouterr().out.splitlines()
    assert path == f'export PATH={placed[0]}:"$PATH"'
    assert kubeconfig == f"export KUBECONFIG={Instance('mine').kubeconfig}"
    write_stack_on_aws(stacks)
    assert commands.main(["env", "--stack", "x"]) == 0
    assert capsys.readouterr().out.splitlines() == [path]


def test_images_of_a_stack_on_aws_are_in_its_registry(
    stacks: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_stack_on_aws(stacks)
    assert commands.main(["images", "--stack", "x"]) == 0
    lines = dict(line.split("=") for line in capsys.readouterr().out.splitlines())
    assert lines["workload"].startswith("111122223333.dkr.ecr.us-east-1.amazonaws.com/plinth-dev/plinth/")


def test_the_folder_run_as_a_module_is_the_command_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "infra", "--help"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "python -m infra" in done.stdout


def test_the_folder_run_by_the_engine_is_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {"plinth:cluster": json.dumps({"kind": "kubeconfig", "name": "local"})}
    monkeypatch.setenv("KUBECONFIG", "/of-this-user")
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(values))

    def program() -> None:
        pulumi.runtime.set_all_config(values)
        runpy.run_path(str(stack_file.REPOSITORY / "infra"), run_name="__main__")

    try:
        deployment = deploy(program)
    finally:
        pulumi.runtime.set_all_config({})
    assert deployment.of_type("plinth:index:ObjectStore")
    # Without any secret in the configuration.
    assert len(deployment.of_type("pulumi:index:Stash")) == len(SECRETS)


def test_the_estimate_of_a_stack_is_printed_as_text_and_as_json(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert commands.main(["cost", "--stack", "prod"]) == 0
    text = capsys.readouterr().out
    assert commands.main(["cost", "--stack", "prod", "--json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    (total,) = [line for line in text.splitlines() if line.startswith("total")]
    assert total.endswith(f"{float(summary['maximum']):,.2f}")
    assert summary["excluded"][-1] in text


@pytest.mark.parametrize("command", ["cost", "preflight"])
def test_a_stack_without_aws_has_neither_cost_nor_preflight(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    line = error_of([command, "--stack", "local"], capsys)
    assert line.startswith(
        "error: --stack local: its cluster is of kind kubeconfig, which uses no AWS account"
    )


@pytest.mark.usefixtures("no_credentials")
def test_preflight_without_credentials_fails_and_says_how_to_get_them(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert commands.main(["preflight", "--stack", "dev"]) == 1
    text = capsys.readouterr().out
    assert "no AWS credentials found" in text
    assert "aws sso login" in text
    assert text.splitlines()[-1] == "preflight dev: 1 checked, 1 failed"


def test_own_images_are_those_of_the_stacks_registry(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert commands.main(["images", "--stack", "prod", "--own"]) == 0
    own = capsys.readouterr().out.splitlines()
    assert own
    assert all(".dkr.ecr.us-east-1.amazonaws.com/" in line for line in own)
    assert commands.main(["images", "--stack", "prod"]) == 0
    assert set(own) < set(capsys.readouterr().out.splitlines())


def test_no_other_command_loads_the_aws_sdk() -> None:
    code = "import sys, infra.commands, infra.settings; print('boto3' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


def test_the_table_has_every_stack_on_aws_and_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["cost", "--table"]) == 0
    header = capsys.readouterr().out.splitlines()[0]
    assert [cell.split(",")[0].strip() for cell in header.split("|")[2:-1:2]] == ["dev", "staging", "prod"]
