"""Brings MLflow's database to the schema of the installed version, one migration at a time.

The lock is the database's own: MLflow locks a file, which says nothing to a second pod.
"""

import os
import sys

import mlflow.db
import sqlalchemy
from sqlalchemy.exc import OperationalError

from components.jobs.wait import NotReadyError, until_answered

# Any number, as long as every migration takes the same one.
_LOCK = 7_145_001


def migrate(uri: str) -> None:
    """Create or upgrade the schema while holding the database's lock."""
    engine = sqlalchemy.create_engine(uri, connect_args={"connect_timeout": 5})
    with until_answered(
        engine.connect, what="the tracking database", retry_on=OperationalError
    ) as connection:
        connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        # The command's function, not the command: arguments of a process can be read by others.
        mlflow.db.upgrade.callback(uri)  # pyright: ignore[reportOptionalCall]
    engine.dispose()


def main() -> int:
    """Migrate the database that the environment names."""
    try:
        migrate(os.environ["MLFLOW_BACKEND_STORE_URI"])
    except NotReadyError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write("the schema is current\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
