"""Creates missing databases and accounts on a MySQL or MariaDB server with its own client."""

import os
import subprocess
import sys
from pathlib import Path

from components.jobs.wait import NotReadyError, until_answered


class ClientError(Exception):
    """The client failed; the message is its output."""


def run(command: list[str], sql: str) -> None:
    """Run statements.

    Raises:
        ClientError: the server could not be reached, or rejected a statement.
    """
    done = subprocess.run(command, input=sql, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        raise ClientError(done.stderr.strip() or f"exit code {done.returncode}")


def main() -> int:
    """Create what is missing on the server that the environment names, and print the result."""
    # The password is in the environment: other processes can read arguments.
    command = [
        "mariadb",
        "--no-defaults",
        f"--host={os.environ['DATABASE_HOST']}",
        f"--port={os.environ['DATABASE_PORT']}",
        f"--user={os.environ['DATABASE_USER']}",
        "--connect-timeout=5",
        "--protocol=tcp",
        *(["--ssl"] if os.environ.get("DATABASE_TLS") == "true" else []),
    ]
    sql = Path(os.environ["STATEMENTS_FILE"]).read_text()
    try:
        until_answered(lambda: run(command, "SELECT 1;"), what="the database server", retry_on=ClientError)
        run(command, sql)
    except (NotReadyError, ClientError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("the databases and their accounts exist\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
