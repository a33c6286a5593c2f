"""Migrates MLflow's database to the schema of the installed version, and makes the teams' workspaces there.

It takes a lock of the database: MLflow locks a file, which another pod does not see.
"""

import json
import os
import sys
from pathlib import Path

import mlflow.db
import sqlalchemy
from mlflow.entities import Workspace
from mlflow.store.workspace.sqlalchemy_store import SqlAlchemyStore
from sqlalchemy.exc import OperationalError

from components.jobs.wait import NotReadyError, until_answered

# Any number, as long as every migration uses the same one.
_LOCK = 7_145_001
# A connection whose packets nobody acknowledges has ended; a database that waits for the lock acknowledges.
_UNANSWERED_MILLISECONDS = 15_000


def migrate(uri: str) -> None:
    """Create or upgrade the schema while holding the database's lock."""
    engine = sqlalchemy.create_engine(
        uri, connect_args={"connect_timeout": 5, "tcp_user_timeout": _UNANSWERED_MILLISECONDS}
    )

    def locked() -> sqlalchemy.Connection:
        connection = engine.connect()
        try:
            connection.execute(sqlalchemy.text("SELECT pg_advisory_lock(:key)"), {"key": _LOCK})
        except OperationalError:
            connection.close()
            raise
        return connection

    with until_answered(locked, what="the tracking database", retry_on=OperationalError):
        # The function, not the command: other processes can read arguments.
        mlflow.db.upgrade.callback(uri)  # pyright: ignore[reportOptionalCall]
    engine.dispose()


def make_workspaces(uri: str, names: list[str]) -> list[str]:
    """Make the workspaces that are missing, and return their names."""
    store = SqlAlchemyStore(uri)
    missing = sorted(set(names) - {each.name for each in store.list_workspaces()})
    for name in missing:
        store.create_workspace(Workspace(name=name, description=f"Team {name}"))
    return missing


def main() -> int:
    """Migrate the database whose URI is in the file that the environment names."""
    uri = Path(os.environ["DATABASE_URI_FILE"]).read_text()
    names = json.loads(Path(os.environ["WORKSPACES_FILE"]).read_text())
    try:
        migrate(uri)
        made = make_workspaces(uri, names) if names else []
    except NotReadyError as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"the schema is current; workspaces made: {', '.join(made) or 'none'}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
