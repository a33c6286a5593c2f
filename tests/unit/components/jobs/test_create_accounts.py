import subprocess
from pathlib import Path

import pytest

from components.jobs import create_accounts, wait

SQL = "CREATE DATABASE IF NOT EXISTS mlpipeline;\n"


class Client:
    """The program `mariadb`, as far as the Job knows it."""

    def __init__(self, *answers: tuple[int, str] | None) -> None:
        self.answers = list(answers)
        """Exit code and output of each call; None hangs until the call's time is over."""
        self.calls: list[tuple[list[str], str]] = []
        self.passwords: set[str] = set()

    def __call__(self, command: list[str], **options: object) -> subprocess.CompletedProcess[str]:
        self.calls.append((command, str(options["input"])))
        environment = options["env"]
        assert isinstance(environment, dict)
        self.passwords.add(environment["MYSQL_PWD"])
        answer = self.answers.pop(0)
        if answer is None:
            raise subprocess.TimeoutExpired(command, float(str(options["timeout"])))
        code, text = answer
        return subprocess.CompletedProcess(command, code, stdout="", stderr=text)


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    file = tmp_path / "statements.sql"
    file.write_text(SQL)
    password = tmp_path / "password"
    password.write_text("administrator-password")
    values = {
        "DATABASE_HOST": "db",
        "DATABASE_PORT": "3306",
        "DATABASE_USER": "plinth",
        "DATABASE_AUTHORITIES": "/program/authorities.pem",
        "STATEMENTS_FILE": str(file),
        "PASSWORD_FILE": str(password),
    }
    for key, value in values.items():
        monkeypatch.setenv(key, value)
    monkeypatch.setattr(wait.time, "sleep", lambda _: None)
    return monkeypatch


def test_the_statements_are_run_when_the_server_answers(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    client = Client((1, "ERROR 2002: Can't connect"), (0, ""), (0, ""))
    environment.setattr(subprocess, "run", client)
    assert create_accounts.main() == 0
    assert [sql for _, sql in client.calls] == ["SELECT 1;", "SELECT 1;", SQL]
    assert "accounts exist" in capsys.readouterr().out


def test_a_connection_that_hangs_is_made_again(environment: pytest.MonkeyPatch) -> None:
    """As on EKS, if it was opened in the second before the pod's network policies applied."""
    client = Client(None, (0, ""), (0, ""))
    environment.setattr(subprocess, "run", client)
    assert create_accounts.main() == 0
    assert [sql for _, sql in client.calls] == ["SELECT 1;", "SELECT 1;", SQL]


def test_a_statement_that_hangs_ends_the_job_in_one_line(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr(subprocess, "run", Client((0, ""), None))
    assert create_accounts.main() == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: Command")
    assert line.endswith("timed out after 60.0 seconds")


def test_the_client_verifies_the_server_and_never_sees_a_password_as_an_argument(
    environment: pytest.MonkeyPatch,
) -> None:
    client = Client((0, ""), (0, ""))
    environment.setattr(subprocess, "run", client)
    create_accounts.main()
    assert client.passwords == {"administrator-password"}
    for command, _ in client.calls:
        assert {"--ssl-ca=/program/authorities.pem", "--ssl-verify-server-cert"} <= {*command}
        assert "--host=db" in command
        assert not [each for each in command if "administrator-password" in each]


def test_a_server_without_known_authorities_is_not_asked_to_encrypt(
    environment: pytest.MonkeyPatch,
) -> None:
    client = Client((0, ""), (0, ""))
    environment.setattr(subprocess, "run", client)
    environment.setenv("DATABASE_AUTHORITIES", "")
    create_accounts.main()
    assert not [each for each in client.calls[0][0] if each.startswith("--ssl")]


def test_a_refused_statement_ends_the_job_with_what_the_server_said(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    environment.setattr(subprocess, "run", Client((0, ""), (1, "ERROR 1044 (42000): Access denied\n")))
    assert create_accounts.main() == 1
    assert capsys.readouterr().err == "error: ERROR 1044 (42000): Access denied\n"


def test_a_server_that_never_answers_ends_the_job(
    environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    times = iter(range(0, 100_000, 30))
    environment.setattr(wait.time, "monotonic", lambda: next(times))
    environment.setattr(subprocess, "run", Client(*[(1, "ERROR 2002: Can't connect")] * 20))
    assert create_accounts.main() == 1
    assert "the database server did not answer" in capsys.readouterr().err
