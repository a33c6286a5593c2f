"""MariaDB's own client, as Jobs call it: with a password from a file, never among its arguments."""

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from components.jobs.wait import until_answered

# More than the client needs to connect, and little enough for several questions.
_QUESTION_SECONDS = 15.0


class ClientError(Exception):
    """The client failed; the message is its output."""


@dataclass(frozen=True)
class MysqlClient:
    """Runs statements on one server, as one account; text is UTF-8 in both directions."""

    host: str
    port: str
    user: str
    password_file: str
    database: str = ""
    authorities: str = ""
    """Path of the certificates of which one has signed the server's; without it nothing is encrypted."""

    def run(self, sql: str, *, timeout_seconds: float = 60.0) -> list[list[str]]:
        """Run statements and return the rows of their results.

        Raises:
            ClientError: the server could not be reached, or rejected a statement.
            subprocess.TimeoutExpired: it did not answer in time.
        """
        done = subprocess.run(
            self._command(),
            input=sql,
            capture_output=True,
            text=True,
            check=False,
            timeout=timeout_seconds,
            env=self._environment(),
        )
        if done.returncode != 0:
            raise ClientError(done.stderr.strip() or f"exit code {done.returncode}")
        return [line.split("\t") for line in done.stdout.splitlines()]

    def wait(self) -> None:
        """Wait until the server answers; a question that hangs is asked again on a new connection.

        Raises:
            NotReadyError: the server did not answer in time.
        """
        until_answered(
            lambda: self.run("SELECT 1;", timeout_seconds=_QUESTION_SECONDS),
            what="the database server",
            retry_on=(ClientError, subprocess.TimeoutExpired),
        )

    def _command(self) -> list[str]:
        return [
            "mariadb",
            "--no-defaults",
            f"--host={self.host}",
            f"--port={self.port}",
            f"--user={self.user}",
            "--connect-timeout=5",
            "--protocol=tcp",
            "--default-character-set=utf8mb4",
            "--batch",
            "--skip-column-names",
            *self._encryption(),
            *([self.database] if self.database else []),
        ]

    def _encryption(self) -> list[str]:
        if not self.authorities:
            return []
        return [f"--ssl-ca={self.authorities}", "--ssl-verify-server-cert"]

    def _environment(self) -> Mapping[str, str]:
        return {**os.environ, "MYSQL_PWD": Path(self.password_file).read_text()}
