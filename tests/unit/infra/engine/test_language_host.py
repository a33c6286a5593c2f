"""The language host: runs programs, exits with the engine, and recognises errors already reported."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

EXECUTOR = """
import json, os, sys
seen = {"arguments": sys.argv[1:], "environment": dict(os.environ), "cwd": os.getcwd()}
json.dump(seen, open("seen.json", "w"))
sys.exit(int(open("code").read()))
"""


class Host:
    """A running language host and a program folder whose executor only records."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "executor").write_text(EXECUTOR)
        command = [
            sys.executable,
            "-m",
            "infra.engine.language_host",
            str(folder / "executor"),
            "127.0.0.1:1",
        ]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        port = int(self.process.stdout.readline())
        self.channel = grpc.insecure_channel(f"127.0.0.1:{port}")
        self.client: Any = language_pb2_grpc.LanguageRuntimeStub(self.channel)

    def run(self, code: int = 0) -> Any:
        (self.folder / "code").write_text(str(code))
        return self.client.Run(
            language_pb2.RunRequest(
                project="plinth",
                stack="local",
                pwd=str(self.folder),
                config={"plinth:a": "1"},
                configSecretKeys=["plinth:a"],
                dryRun=True,
                parallel=4,
                monitor_address="127.0.0.1:2",
                organization="organization",
                info=language_pb2.ProgramInfo(
                    root_directory="/root-of-project", program_directory=str(self.folder), entry_point="."
                ),
            ),
            timeout=30,
        )

    def seen(self) -> dict[str, Any]:
        return json.loads((self.folder / "seen.json").read_text())


@pytest.fixture
def host(tmp_path: Path) -> Iterator[Host]:
    running = Host(tmp_path)
    yield running
    running.channel.close()
    running.process.send_signal(signal.SIGTERM)
    running.process.wait(timeout=10)
    assert running.process.stdout is not None
    running.process.stdout.close()


def test_a_program_runs_with_the_engines_arguments_and_configuration(host: Host) -> None:
    answer = host.run()
    assert (answer.error, answer.bail) == ("", False)
    seen = host.seen()
    assert seen["arguments"][-1] == "."
    pairs = dict(zip(seen["arguments"][:-1:2], seen["arguments"][1::2], strict=True))
    assert pairs == {
        "--monitor": "127.0.0.1:2",
        "--engine": "127.0.0.1:1",
        "--project": "plinth",
        "--root_directory": "/root-of-project",
        "--stack": "local",
        "--pwd": str(host.folder),
        "--dry_run": "true",
        "--parallel": "4",
        "--organization": "organization",
    }
    assert json.loads(seen["environment"]["PULUMI_CONFIG"]) == {"plinth:a": "1"}
    assert json.loads(seen["environment"]["PULUMI_CONFIG_SECRET_KEYS"]) == ["plinth:a"]
    assert seen["cwd"] == str(host.folder)


def test_an_error_already_shown_is_not_reported_again(host: Host) -> None:
    answer = host.run(code=32)
    assert (answer.error, answer.bail) == ("", True)


def test_any_other_exit_code_is_an_error(host: Host) -> None:
    assert "exit code 3" in host.run(code=3).error


def test_the_handshake_gives_the_engines_address(host: Host) -> None:
    host.client.Handshake(language_pb2.LanguageHandshakeRequest(engine_address="127.0.0.1:9"), timeout=10)
    host.run()
    assert "127.0.0.1:9" in host.seen()["arguments"]


def test_cancelling_ends_the_program(host: Host, tmp_path: Path) -> None:
    (tmp_path / "executor").write_text("import signal; print('up', flush=True); signal.pause()")
    started = host.client.Run.future(
        language_pb2.RunRequest(
            info=language_pb2.ProgramInfo(program_directory=str(tmp_path), entry_point=".")
        )
    )
    assert host.process.stdout is not None
    assert host.process.stdout.readline() == "up\n"
    host.client.Cancel(empty(), timeout=10)
    assert "exit code -15" in started.result(timeout=10).error


def empty() -> Any:
    from google.protobuf.empty_pb2 import Empty

    return Empty()
