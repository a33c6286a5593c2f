"""The engine: its files, its environment, stale locks and messages for errors that users can fix."""

import dataclasses
import json
import os
import socket
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
import yaml

from infra.engine import lock
from infra.engine.engine import Engine
from infra.errors import InfraError
from infra.parts import SECRET_KEYS
from infra.settings import stack_file
from upstream.cache import UpstreamError


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    for key in ("PULUMI_CONFIG_PASSPHRASE", "PULUMI_CONFIG_PASSPHRASE_FILE"):
        monkeypatch.delenv(key, raising=False)
    return Engine(stack="local", folder=tmp_path / "engine", kubeconfig=tmp_path / "kubeconfig")


class FakePulumi:
    """Replaces the `pulumi` program: creates the state that a command would, and records every call."""

    def __init__(self, folder: Path) -> None:
        self.calls = folder / "calls.jsonl"
        self.program = folder / "pulumi"
        self.program.write_text(
            f"#!{sys.executable}\n"
            "import json, os, sys\n"
            "arguments = sys.argv[7:]\n"
            f"record = {{'arguments': arguments, 'input': sys.stdin.read()}}\n"
            f"open({str(self.calls)!r}, 'a').write(json.dumps(record) + '\\n')\n"
            "state = os.environ['PULUMI_BACKEND_URL'].removeprefix('file://')\n"
            "if arguments[:2] == ['stack', 'init']:\n"
            "    os.makedirs(state + '/.pulumi/stacks/plinth')\n"
            "    open(state + '/.pulumi/stacks/plinth/local.json', 'w').close()\n"
        )
        self.program.chmod(0o755)

    def recorded(self) -> list[dict[str, Any]]:
        return (
            [json.loads(line) for line in self.calls.read_text().splitlines()] if self.calls.exists() else []
        )


@pytest.fixture
def pulumi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakePulumi:
    fake = FakePulumi(tmp_path)
    monkeypatch.setattr("infra.engine.programs._binary", lambda _: fake.program)
    monkeypatch.setattr("upstream.modules.module_dir", lambda *_: tmp_path)
    return fake


def write_lock(engine: Engine, **content: Any) -> Path:
    path = engine.folder / "state/.pulumi/locks/organization/plinth/local/x.json"
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps(content))
    return path


def test_no_secret_is_put_into_the_configuration(engine: Engine, pulumi: FakePulumi) -> None:
    engine.prepare()
    assert [call["arguments"][:2] for call in pulumi.recorded()] == [["stack", "init"]]


def encrypted(engine: Engine) -> None:
    """Write the stack file that an earlier release left: a setting, secrets, and the key's salt."""
    engine.project.mkdir(parents=True)
    config = {f"plinth:{SECRET_KEYS[0]}": {"secure": "v1:x"}, "plinth:mine": {"secure": "v1:y"}}
    engine.config_file.write_text(yaml.safe_dump({"encryptionsalt": "v1:salt", "config": config}))


def test_secrets_of_an_earlier_release_stay_until_the_state_keeps_them(
    engine: Engine, pulumi: FakePulumi
) -> None:
    encrypted(engine)
    engine.prepare()
    assert f"plinth:{SECRET_KEYS[0]}" in stack_file.read(engine.config_file)["config"]
    engine.forget_secrets()
    content = stack_file.read(engine.config_file)
    assert f"plinth:{SECRET_KEYS[0]}" not in content["config"]
    assert content["config"]["plinth:mine"] == {"secure": "v1:y"}
    assert content["encryptionsalt"] == "v1:salt"


def test_what_a_users_pulumi_encrypted_with_its_own_key_is_left_to_it(
    engine: Engine, pulumi: FakePulumi, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    theirs = {"encryptionsalt": "v1:theirs", "config": {"plinth:a": {"secure": "v1:t"}, "plinth:b": "c"}}
    (tmp_path / "Pulumi.local.yaml").write_text(yaml.safe_dump(theirs))
    monkeypatch.setattr(stack_file, "STACKS", tmp_path)
    encrypted(engine)
    engine.prepare()
    content = stack_file.read(engine.config_file)
    assert content["encryptionsalt"] == "v1:salt"
    assert content["config"]["plinth:b"] == "c"
    assert "plinth:a" not in content["config"]
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "theirs")
    engine.prepare()
    assert stack_file.read(engine.config_file)["encryptionsalt"] == "v1:theirs"


def test_the_passphrase_is_readable_by_its_owner_alone_and_stays(engine: Engine, pulumi: FakePulumi) -> None:
    engine.prepare()
    path = engine.folder / "passphrase"
    before = path.read_text()
    engine.prepare()
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.read_text() == before


def test_no_file_is_written_to_the_repository(engine: Engine, pulumi: FakePulumi) -> None:
    engine.prepare()
    assert engine.config_file.is_relative_to(engine.folder)
    assert engine.environment()["PULUMI_BACKEND_URL"] == f"file://{engine.folder}/state"


def test_the_engine_finds_no_folder_for_its_debug_log(engine: Engine, pulumi: FakePulumi) -> None:
    logs = engine.folder / "home/logs"
    logs.mkdir(parents=True)
    (logs / "of-an-earlier-release.log").touch()
    for _ in range(2):
        engine.prepare()
        assert logs.resolve() == Path(os.devnull)


def test_a_lost_passphrase_is_an_error_not_a_new_one(engine: Engine, pulumi: FakePulumi) -> None:
    engine.prepare()
    (engine.folder / "passphrase").unlink()
    with pytest.raises(InfraError, match="the passphrase of stack local is missing: restore "):
        engine.prepare()


def test_variables_of_another_pulumi_do_not_reach_the_engine(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "x")
    monkeypatch.setenv("KUBECONFIG", "/elsewhere")
    environment = engine.environment()
    assert "PULUMI_ACCESS_TOKEN" not in environment
    assert environment["KUBECONFIG"] == str(engine.kubeconfig)


def test_a_users_own_passphrase_takes_precedence_over_the_generated_one(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    environment = engine.environment()
    assert environment["PULUMI_CONFIG_PASSPHRASE"] == "mine"
    assert "PULUMI_CONFIG_PASSPHRASE_FILE" not in environment


def test_a_wrong_passphrase_is_explained(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    message = "error: getting secrets manager: constructing secrets manager: incorrect passphrase"
    assert "is wrong: restore " in str(engine.remedy(message))
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "mine")
    assert "is wrong: unset PULUMI_CONFIG_PASSPHRASE" in str(engine.remedy(message))
    assert engine.remedy("something else") is None


def test_a_new_major_version_of_a_database_is_explained(engine: Engine) -> None:
    refused = "InvalidParameterCombination: The AllowMajorVersionUpgrade flag must be present when upgrading"
    assert "set plinth:storage.rds.majorUpgrades to true" in str(engine.remedy(refused))


def test_a_lock_whose_holder_died_is_removed(engine: Engine, pulumi: FakePulumi) -> None:
    engine.prepare()
    write_lock(engine, pid=dead_pid(), hostname=socket.gethostname(), timestamp="now")
    engine.prepare()
    assert ["cancel", "--stack", "local", "--yes"] in [call["arguments"] for call in pulumi.recorded()]


def test_a_lock_of_a_process_that_is_not_pulumi_is_stale(engine: Engine, pulumi: FakePulumi) -> None:
    engine.prepare()
    write_lock(engine, pid=1, hostname=socket.gethostname(), timestamp="now")
    engine.prepare()
    assert any("cancel" in call["arguments"] for call in pulumi.recorded())


def test_a_live_holder_is_named(
    engine: Engine, pulumi: FakePulumi, live_engine: subprocess.Popen[bytes]
) -> None:
    engine.prepare()
    write_lock(engine, pid=live_engine.pid, hostname=socket.gethostname(), timestamp="2026-01-01")
    problem = rf"in use by another run \(pid {live_engine.pid} on .*2026-01-01\)"
    with lock.mark_runner(engine.folder), pytest.raises(InfraError, match=problem):
        engine.prepare()
    assert not any("cancel" in call["arguments"] for call in pulumi.recorded())


def test_a_holder_whose_runner_was_killed_is_waited_for(
    engine: Engine,
    pulumi: FakePulumi,
    live_engine: subprocess.Popen[bytes],
    capsys: pytest.CaptureFixture[str],
) -> None:
    engine.prepare()
    assert live_engine.stdin
    write_lock(engine, pid=live_engine.pid, hostname=socket.gethostname(), timestamp="2026-01-01")
    closing = threading.Timer(0.5, live_engine.stdin.close)
    closing.start()
    engine.prepare()
    closing.join()
    assert f"waiting for its engine to exit (pid {live_engine.pid})" in capsys.readouterr().err
    assert any("cancel" in call["arguments"] for call in pulumi.recorded())


@pytest.mark.usefixtures("pulumi")
def test_a_holder_that_does_not_exit_is_named(
    engine: Engine, live_engine: subprocess.Popen[bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lock, "ENDING_SECONDS", 0.1)
    engine.prepare()
    write_lock(engine, pid=live_engine.pid, hostname=socket.gethostname(), timestamp="2026-01-01")
    with pytest.raises(InfraError, match=rf"in use by another run \(pid {live_engine.pid} on "):
        engine.prepare()


def test_a_lock_of_another_machine_is_never_removed(engine: Engine, pulumi: FakePulumi) -> None:
    engine.prepare()
    write_lock(engine, pid=dead_pid(), hostname="elsewhere", timestamp="now")
    with pytest.raises(InfraError, match="on elsewhere"):
        engine.prepare()


def test_a_missing_binary_is_an_error_that_names_the_fix(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(program: str) -> Path:
        raise UpstreamError(f"{program} is not built: run `python -m upstream build x`")

    monkeypatch.setattr("upstream.build.binary", missing)
    with pytest.raises(InfraError, match="is not built: run `python -m upstream build"):
        engine.prepare()


def test_outputs_of_a_stack_never_installed_name_the_command(engine: Engine) -> None:
    with pytest.raises(InfraError, match="run `python -m infra up --stack local`"):
        engine.outputs()


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    assert not Path(f"/proc/{process.pid}").exists()
    return process.pid


def shared(engine: Engine) -> Engine:
    return dataclasses.replace(engine, backend="s3://state-of-everyone")


def test_a_shared_state_needs_the_passphrase_that_its_users_share(engine: Engine, pulumi: FakePulumi) -> None:
    with pytest.raises(InfraError, match="shared in s3://state-of-everyone: set PULUMI_CONFIG_PASSPHRASE"):
        shared(engine).prepare()
    assert pulumi.recorded() == []


@pytest.fixture
def keyed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The secrets provider that the stack file names."""
    provider = "awskms://alias/plinth-x-secrets?region=us-east-1"
    (tmp_path / "Pulumi.local.yaml").write_text(yaml.safe_dump({"secretsprovider": provider, "config": {}}))
    monkeypatch.setattr(stack_file, "STACKS", tmp_path)
    return provider


def test_a_stack_whose_file_names_a_secrets_provider_needs_no_passphrase(
    engine: Engine, pulumi: FakePulumi, keyed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The program in the place of pulumi takes the state's address for a path.
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(Engine, "exists", lambda _: False)
    shared(engine).prepare()
    (init,) = [each["arguments"] for each in pulumi.recorded()]
    assert init == ["stack", "init", "local", "--no-select", "--secrets-provider", keyed]
    assert stack_file.read(engine.config_file)["secretsprovider"] == keyed
    assert not (engine.folder / "passphrase").exists()


def test_a_secrets_provider_for_a_stack_with_a_passphrase_is_refused_with_the_command(
    engine: Engine, pulumi: FakePulumi, keyed: str
) -> None:
    encrypted(engine)
    with pytest.raises(InfraError, match="run `pulumi stack change-secrets-provider`, or remove the line"):
        shared(engine).prepare()
    assert pulumi.recorded() == []


def test_on_another_machine_the_key_and_secrets_come_from_the_shared_state(
    engine: Engine, pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of everyone")
    monkeypatch.setattr(Engine, "exists", lambda _: True)
    shared(engine).prepare()
    commands = [each["arguments"] for each in pulumi.recorded()]
    assert commands[0] == ["config", "refresh", "--force", "--stack", "local"]
    assert not [each for each in commands if each[:1] == ["cancel"]]


def test_a_stack_is_looked_for_in_the_shared_state(
    engine: Engine, pulumi: FakePulumi, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi.program.write_text(f'#!{sys.executable}\nprint(\'[{{"name": "organization/plinth/local"}}]\')\n')
    monkeypatch.setenv("PULUMI_CONFIG_PASSPHRASE", "of everyone")
    assert shared(engine).exists()
    assert not dataclasses.replace(shared(engine), stack="other").exists()


def test_providers_are_downloaded_only_if_allowed(engine: Engine) -> None:
    key = "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"
    assert engine.environment()[key] == "true"
    assert dataclasses.replace(engine, downloads=True).environment()[key] == "false"


def test_the_access_token_is_passed_on_only_for_a_shared_state(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PULUMI_ACCESS_TOKEN", "token")
    assert "PULUMI_ACCESS_TOKEN" not in engine.environment()
    environment = shared(engine).environment()
    assert environment["PULUMI_ACCESS_TOKEN"] == "token"
    assert environment["PULUMI_BACKEND_URL"] == "s3://state-of-everyone"


def test_a_secret_output_is_returned_only_by_its_name(engine: Engine, pulumi: FakePulumi) -> None:
    pulumi.program.write_text(f'#!{sys.executable}\nprint(\'{{"kubeconfig": "content"}}\')\n')
    engine.project.mkdir(parents=True)
    assert engine.secret_output("kubeconfig") == "content"
    assert engine.secret_output("none") is None
