import os
import subprocess
from pathlib import Path

import pytest

from components.jobs import wait
from components.jobs.mysql_client import ClientError, MysqlClient


def client(folder: Path, authorities: str = "") -> MysqlClient:
    file = folder / "password"
    file.write_text("p@ss")
    return MysqlClient("db", "3306", "kfp", str(file), "mlpipeline", authorities)


class Program:
    """The program `mariadb`: gives one answer and keeps how it was called."""

    def __init__(self, code: int = 0, stdout: str = "", stderr: str = "") -> None:
        self._answer = (code, stdout, stderr)
        self.command: list[str] = []
        self.options: dict[str, object] = {}

    def __call__(self, command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        self.command, self.options = command, options
        code, stdout, stderr = self._answer
        return subprocess.CompletedProcess(command, code, stdout=stdout, stderr=stderr)


def test_rows_come_back_as_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = Program(stdout="runs\tgröße\nrefs\t🍷\n")
    monkeypatch.setattr(subprocess, "run", program)
    assert client(tmp_path).run("SELECT 1;", timeout_seconds=5) == [["runs", "größe"], ["refs", "🍷"]]
    assert (program.options["input"], program.options["timeout"]) == ("SELECT 1;", 5)
    assert "--default-character-set=utf8mb4" in program.command
    assert program.command[-1] == "mlpipeline"


def test_the_password_is_in_the_environment_of_the_client_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program()
    monkeypatch.setattr(subprocess, "run", program)
    client(tmp_path).run("SELECT 1;")
    environment = program.options["env"]
    assert isinstance(environment, dict)
    assert environment["MYSQL_PWD"] == "p@ss"
    assert not [each for each in program.command if "p@ss" in each]
    assert "p@ss" not in os.environ.values()


@pytest.mark.parametrize("authorities", ["/program/authorities.pem", ""])
def test_a_connection_is_encrypted_and_verified_where_the_servers_authorities_are_known(
    authorities: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = Program()
    monkeypatch.setattr(subprocess, "run", program)
    client(tmp_path, authorities).run("SELECT 1;")
    given = [each for each in program.command if each.startswith("--ssl")]
    assert given == ([f"--ssl-ca={authorities}", "--ssl-verify-server-cert"] if authorities else [])


@pytest.mark.parametrize(
    ("stderr", "message"), [("ERROR 1044: denied\n", "ERROR 1044: denied"), ("", "exit code 3")]
)
def test_a_failure_says_what_the_client_said(
    stderr: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subprocess, "run", Program(code=3, stderr=stderr))
    with pytest.raises(ClientError, match=message):
        client(tmp_path).run("SELECT 1;")


def test_a_question_that_hangs_is_asked_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wait.time, "sleep", lambda _: None)
    answers = iter([subprocess.TimeoutExpired("mariadb", 15.0), None])
    asked: list[object] = []

    def run(command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        asked.append(options["timeout"])
        if error := next(answers):
            raise error
        return subprocess.CompletedProcess(command, 0, stdout="1\n", stderr="")

    monkeypatch.setattr(subprocess, "run", run)
    client(tmp_path).wait()
    assert asked == [15.0, 15.0]
