from pathlib import Path
from typing import Any

import pytest
import sqlalchemy
from sqlalchemy.exc import OperationalError

from components.jobs import migrate_tracking, wait

URI = "postgresql+psycopg://user:password@database/mlflow"


class Engine:
    """Records, in order, what is asked of the database."""

    def __init__(self, log: list[str], losses: int = 0) -> None:
        self.log = log
        self.losses = losses
        """How many connections are lost before they answer."""

    def connect(self) -> "Engine":
        return self

    def __enter__(self) -> "Engine":
        return self

    def __exit__(self, *_: object) -> None:
        self.log.append("released")

    def execute(self, statement: object, _values: object) -> None:
        self.losses -= 1
        if self.losses >= 0:
            raise OperationalError("lock", {}, Exception("Connection timed out"))
        self.log.append(str(statement))

    def close(self) -> None:
        self.log.append("given up")

    def dispose(self) -> None:
        self.log.append("closed")


def test_the_schema_is_changed_while_the_database_lock_is_held(monkeypatch: pytest.MonkeyPatch) -> None:
    log: list[str] = []
    monkeypatch.setattr(sqlalchemy, "create_engine", lambda *_args, **_settings: Engine(log))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    upgrade: Any = migrate_tracking.mlflow.db.upgrade
    monkeypatch.setattr(upgrade, "callback", lambda uri: log.append(f"upgrade {uri}"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    migrate_tracking.migrate(URI)
    assert log == ["SELECT pg_advisory_lock(:key)", f"upgrade {URI}", "released", "closed"]


def test_a_connection_that_is_lost_before_it_has_the_lock_is_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    log: list[str] = []
    given: dict[str, Any] = {}

    def create(_uri: str, **settings: Any) -> Engine:
        given.update(settings["connect_args"])
        return Engine(log, losses=2)

    monkeypatch.setattr(sqlalchemy, "create_engine", create)
    monkeypatch.setattr(wait.time, "sleep", lambda _: None)
    upgrade: Any = migrate_tracking.mlflow.db.upgrade
    monkeypatch.setattr(upgrade, "callback", lambda _: log.append("upgrade"))  # pyright: ignore[reportUnknownArgumentType, reportUnknownLambdaType]
    migrate_tracking.migrate(URI)
    assert log[:4] == ["given up", "given up", "SELECT pg_advisory_lock(:key)", "upgrade"]
    # So that one whose packets are dropped is lost, instead of hanging.
    assert given["tcp_user_timeout"] == 15_000


def test_a_database_that_never_answers_is_one_line_without_the_password(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "database-uri"
    file.write_text(URI)
    monkeypatch.setenv("DATABASE_URI_FILE", str(file))
    (tmp_path / "workspaces.json").write_text("[]")
    monkeypatch.setenv("WORKSPACES_FILE", str(tmp_path / "workspaces.json"))

    def refuse(*_: object, **__: object) -> None:
        raise wait.NotReadyError("the tracking database did not answer within 120 s: refused")

    monkeypatch.setattr(migrate_tracking, "until_answered", refuse)
    assert migrate_tracking.main() == 1
    error = capsys.readouterr().err
    assert error.startswith("error: the tracking database did not answer")
    assert "password" not in error


def test_a_refused_connection_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: dict[str, Any] = {}

    def remember(_call: object, **settings: object) -> None:
        asked.update(settings)
        raise wait.NotReadyError("stop here")

    monkeypatch.setattr(migrate_tracking, "until_answered", remember)
    with pytest.raises(wait.NotReadyError):
        migrate_tracking.migrate(URI)
    assert asked["retry_on"] is OperationalError


def test_workspaces_that_are_missing_are_made_once(tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    upgrade: Any = migrate_tracking.mlflow.db.upgrade
    upgrade.callback(uri)
    assert migrate_tracking.make_workspaces(uri, ["research", "applied"]) == ["applied", "research"]
    assert migrate_tracking.make_workspaces(uri, ["research", "serving"]) == ["serving"]
