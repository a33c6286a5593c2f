"""Creates missing databases and accounts on a MySQL or MariaDB server with its own client."""

import os
import subprocess
import sys
from pathlib import Path

from components.jobs.mysql_client import ClientError, MysqlClient
from components.jobs.wait import NotReadyError


def main() -> int:
    """Create what is missing on the server that the environment names, and print the result."""
    client = MysqlClient(
        host=os.environ["DATABASE_HOST"],
        port=os.environ["DATABASE_PORT"],
        user=os.environ["DATABASE_USER"],
        password_file=os.environ["PASSWORD_FILE"],
        authorities=os.environ.get("DATABASE_AUTHORITIES", ""),
    )
    sql = Path(os.environ["STATEMENTS_FILE"]).read_text()
    try:
        client.wait()
        client.run(sql)
    except (NotReadyError, ClientError, subprocess.TimeoutExpired) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("the databases and their accounts exist\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
