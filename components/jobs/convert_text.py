"""Converts databases of MariaDB to one character set and collation; what has them already stays untouched.

Each table is converted by one statement that succeeds or changes nothing, and text is mended by a statement
that finds nothing the second time. The server converts no column of a foreign key: foreign keys are dropped,
with a record of them in the database, and restored. Interrupted or repeated, the program ends the same way.
"""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

from components.jobs.mysql_client import ClientError, MysqlClient
from components.jobs.wait import NotReadyError

# Converting a table copies it: one of 10 GB takes minutes.
_SECONDS = 780.0
# A client that starts at the same moment may restore a foreign key too early.
_ATTEMPTS = 3
_CONVERTING = "SET SESSION foreign_key_checks = 0, lock_wait_timeout = 120;"
# The search for mislabelled text warns about all other text, and strict mode would make that errors.
_MENDING = "SET SESSION sql_mode = '', lock_wait_timeout = 120;"
RECORD = "plinth_foreign_keys"
"""Table of the foreign keys that are to be restored; it exists during a conversion alone."""
RECORD_QUERY = f"SHOW TABLES LIKE '{RECORD}';"
FOREIGN_KEYS_QUERY = f"SELECT child, name, definition FROM {RECORD} ORDER BY 1, 2;"  # noqa: S608 - constant
COLUMNS_QUERY = """
SELECT table_name, column_name FROM information_schema.columns
WHERE table_schema = DATABASE() AND collation_name IS NOT NULL ORDER BY 1, 2;
"""
RECORDING = f"""
CREATE TABLE IF NOT EXISTS {RECORD} (
  child VARCHAR(64), name VARCHAR(64), definition TEXT, PRIMARY KEY (child, name)
) CHARACTER SET utf8mb4;
INSERT IGNORE INTO {RECORD}
SELECT k.table_name, k.constraint_name, CONCAT(
  'FOREIGN KEY (', GROUP_CONCAT('`', k.column_name, '`' ORDER BY k.ordinal_position),
  ') REFERENCES `', k.referenced_table_name,
  '` (', GROUP_CONCAT('`', k.referenced_column_name, '`' ORDER BY k.ordinal_position),
  ') ON UPDATE ', r.update_rule, ' ON DELETE ', r.delete_rule)
FROM information_schema.key_column_usage k
JOIN information_schema.referential_constraints r
USING (constraint_schema, table_name, constraint_name)
WHERE k.table_schema = DATABASE() AND k.referenced_table_name IS NOT NULL
GROUP BY k.table_name, k.constraint_name;
"""  # noqa: S608 - constants


def tables_query(collation: str) -> str:
    """Return the query for the tables of the current database that hold text of another collation."""
    return f"""
SELECT DISTINCT t.table_name FROM information_schema.tables t
LEFT JOIN information_schema.columns c USING (table_schema, table_name)
WHERE t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND t.table_name <> '{RECORD}'
AND (t.table_collation <> '{collation}' OR c.collation_name <> '{collation}') ORDER BY 1;
"""  # noqa: S608 - a constant of the component


def conversions(
    tables: Sequence[str], foreign_keys: Sequence[Sequence[str]], character_set: str, collation: str
) -> str:
    """Return the statements that convert tables, and restore these foreign keys: child, name, definition."""
    dropped = [
        f"ALTER TABLE `{child}` DROP FOREIGN KEY IF EXISTS `{name}`;" for child, name, _ in foreign_keys
    ]
    target = f"CHARACTER SET {character_set} COLLATE {collation}"
    converted = [f"ALTER TABLE `{table}` CONVERT TO {target};" for table in tables]
    restored = [
        f"ALTER TABLE `{child}` DROP FOREIGN KEY IF EXISTS `{name}`;\n"
        f"ALTER TABLE `{child}` ADD CONSTRAINT `{name}` {definition};"
        for child, name, definition in foreign_keys
    ]
    return "\n".join([_CONVERTING, *dropped, *converted, *restored, f"DROP TABLE {RECORD};"])


def repairs(columns: Sequence[Sequence[str]]) -> str:
    """Return the statements that mend UTF-8 which its client called Latin-1, and select how many rows it was.

    Such text consists of Latin-1 characters alone, and their bytes are UTF-8 with more than ASCII in it. Text
    that was labelled rightly hardly ever looks like that, and mended text does not.
    """
    lines = [_MENDING]
    for table, column in columns:
        name = f"`{column}`"
        latin = f"CONVERT({name} USING latin1)"
        utf8 = f"CONVERT(CAST({latin} AS BINARY) USING utf8mb4)"
        conditions = (
            f"{name} <> CONVERT({name} USING ascii)",
            f"BINARY CONVERT({latin} USING utf8mb4) = BINARY {name}",
            f"BINARY {utf8} = CAST({latin} AS BINARY)",
        )
        lines.append(f"UPDATE `{table}` SET {name} = {utf8} WHERE {' AND '.join(conditions)};")  # noqa: S608
        lines.append(f"SELECT '{table}', '{column}', ROW_COUNT();")
    return "\n".join(lines)


def convert(client: MysqlClient, character_set: str, collation: str, *, mislabelled: bool) -> str:
    """Convert one database and return what was done, in one line."""
    client.run(f"ALTER DATABASE `{client.database}` CHARACTER SET {character_set} COLLATE {collation};")
    tables = [row[0] for row in client.run(tables_query(collation))]
    if tables or client.run(RECORD_QUERY):
        client.run(RECORDING)
        foreign_keys = client.run(FOREIGN_KEYS_QUERY)
        client.run(conversions(tables, foreign_keys, character_set, collation), timeout_seconds=_SECONDS)
    mended = 0
    if mislabelled:
        found = client.run(repairs(client.run(COLUMNS_QUERY)), timeout_seconds=_SECONDS)
        mended = sum(int(row[2]) for row in found)
    return f"{client.database}: {len(tables)} tables converted to {collation}, {mended} texts mended"


def _convert_in_attempts(client: MysqlClient, *, mislabelled: bool) -> str:
    client.wait()
    for left in range(_ATTEMPTS - 1, -1, -1):
        try:
            return convert(
                client, os.environ["CHARACTER_SET"], os.environ["COLLATION"], mislabelled=mislabelled
            )
        except ClientError:
            if left == 0:
                raise
    raise AssertionError(_ATTEMPTS)


def main() -> int:
    """Convert the databases that the environment lists, and print what was done."""
    databases: list[dict[str, Any]] = json.loads(os.environ["DATABASES"])
    for each in databases:
        client = MysqlClient(**each["client"])
        try:
            done = _convert_in_attempts(client, mislabelled=bool(each["mislabelled"]))
        except (NotReadyError, ClientError, subprocess.TimeoutExpired) as error:
            sys.stderr.write(f"error: database {client.database}: {error}\n")
            return 1
        sys.stdout.write(f"{done}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
