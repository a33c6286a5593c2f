"""Migrates MLflow's database to the schema of the installed version, one migration at a time.

It takes a lock of the database: MLflow locks a file, which another pod does not see.
"""

import os
import sys
from pathlib import Path

import mlflow.db
import sqlalchemy
from sqlalchemy.exc import OperationalError

from components.jobs.wait import NotReadyError, until_answered

# Any number, as long as every migration uses the same one.
_LOCK = 7_145_001


def migrate(uri: str) -> None:
    """Create or upgrade the schema while holding the database's lock."""
    engine = sqlalchemy.create_engine(uri, connect_args={"connect_timeout": 5})
    with until_answered(
        engine.connect, what="the tracking database", retry_on=OperationalError
    ) as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        # The function, not the command: other processes can read arguments.
        mlflow.db.upgrade.callback(uri)  # pyright: ignore[reportOptionalCall]
    engine.dispose()


def main() -> int:
    """Migrate the database whose URI is in the file that the environment names."""
    try:
        migrate(Path(os.environ["DATABASE_URI_FILE"]).read_text())
    except NotReadyError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("the schema is current\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
