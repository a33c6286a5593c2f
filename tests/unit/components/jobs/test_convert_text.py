import json

import pytest

from components.jobs import convert_text, wait
from components.jobs.mysql_client import ClientError, MysqlClient

COLLATION = "utf8mb4_uca1400_as_ci"
KEY = ["refs", "f", "FOREIGN KEY (`run`) REFERENCES `runs` (`id`) ON UPDATE CASCADE ON DELETE CASCADE"]


class Server:
    """What a database answers to the program's queries; each list of answers is used up in order."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, **answers: list[list[list[str]]]) -> None:
        self.answers = answers
        self.failures: list[ClientError] = []
        self.statements: list[str] = []
        queries = {
            convert_text.tables_query(COLLATION): "tables",
            convert_text.RECORD_QUERY: "record",
            convert_text.FOREIGN_KEYS_QUERY: "foreign_keys",
            convert_text.COLUMNS_QUERY: "columns",
        }

        def run(_: MysqlClient, sql: str, *, timeout_seconds: float = 60.0) -> list[list[str]]:
            del timeout_seconds
            if self.failures and "CONVERT TO" in sql:
                raise self.failures.pop()
            if sql in queries:
                given = self.answers.get(queries[sql], [])
                return given.pop(0) if given else []
            self.statements.append(sql)
            return [["runs", "name", "2"], ["runs", "text", "1"]] if "ROW_COUNT" in sql else []

        monkeypatch.setattr(MysqlClient, "run", run)


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def database(name: str, *, mislabelled: bool) -> dict[str, object]:
        server = {"host": "db", "port": "3306", "authorities": ""}
        client = {**server, "user": name, "database": name, "password_file": f"/passwords/{name}"}
        return {"client": client, "mislabelled": mislabelled}

    values = [database("mlpipeline", mislabelled=False), database("metadb", mislabelled=True)]
    monkeypatch.setenv("DATABASES", json.dumps(values))
    monkeypatch.setenv("CHARACTER_SET", "utf8mb4")
    monkeypatch.setenv("COLLATION", COLLATION)
    monkeypatch.setattr(wait.time, "sleep", lambda _: None)


def test_foreign_keys_are_dropped_before_their_columns_change_and_restored_after() -> None:
    sql = convert_text.conversions(["refs", "runs"], [KEY], "utf8mb4", COLLATION)
    assert sql.splitlines()[1:] == [
        "ALTER TABLE `refs` DROP FOREIGN KEY IF EXISTS `f`;",
        f"ALTER TABLE `refs` CONVERT TO CHARACTER SET utf8mb4 COLLATE {COLLATION};",
        f"ALTER TABLE `runs` CONVERT TO CHARACTER SET utf8mb4 COLLATE {COLLATION};",
        "ALTER TABLE `refs` DROP FOREIGN KEY IF EXISTS `f`;",
        f"ALTER TABLE `refs` ADD CONSTRAINT `f` {KEY[2]};",
        "DROP TABLE plinth_foreign_keys;",
    ]


def test_each_database_is_converted_and_mislabelled_text_of_one_mended(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(monkeypatch, tables=[[["runs"]], [["Context"], ["Type"]]], columns=[[["runs", "name"]]])
    assert convert_text.main() == 0
    assert capsys.readouterr().out.splitlines() == [
        f"mlpipeline: 1 tables converted to {COLLATION}, 0 texts mended",
        f"metadb: 2 tables converted to {COLLATION}, 3 texts mended",
    ]
    altered = [each for each in server.statements if each.startswith("ALTER DATABASE")]
    assert altered == [
        f"ALTER DATABASE `{name}` CHARACTER SET utf8mb4 COLLATE {COLLATION};"
        for name in ("mlpipeline", "metadb")
    ]


def test_a_database_that_has_the_character_set_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch)
    assert convert_text.main() == 0
    assert not [each for each in server.statements if "ALTER TABLE" in each or "CREATE TABLE" in each]


def test_what_an_interrupted_conversion_dropped_is_restored(monkeypatch: pytest.MonkeyPatch) -> None:
    server = Server(monkeypatch, record=[[[convert_text.RECORD]]], foreign_keys=[[KEY]])
    assert convert_text.main() == 0
    (restored,) = [each for each in server.statements if "ADD CONSTRAINT" in each]
    assert KEY[2] in restored
    assert "CONVERT TO" not in restored


def test_a_client_that_restores_a_foreign_key_too_early_costs_an_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server = Server(monkeypatch, tables=[[["runs"]], [["runs"]], [["runs"]]])
    server.failures = [ClientError("ERROR 1832: used in a foreign key constraint")]
    assert convert_text.main() == 0


def test_what_cannot_be_converted_is_said_in_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    server = Server(monkeypatch, tables=[[["runs"]]] * 3)
    server.failures = [ClientError("ERROR 1062: Duplicate entry 'x' for key 'Name'")] * 3
    assert convert_text.main() == 1
    assert capsys.readouterr().err == (
        "error: database mlpipeline: ERROR 1062: Duplicate entry 'x' for key 'Name'\n"
    )
