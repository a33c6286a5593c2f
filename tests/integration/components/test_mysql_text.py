"""The real MariaDB: rows of an installation from before are kept, and text of any script is accepted."""

import json
import os
import stat
import subprocess
import tarfile
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pyarrow
import pytest

from components.incluster.maria_db import MariaDb, MariaDbArgs, init_sql
from components.jobs import convert_text
from components.jobs.mysql_client import ClientError, MysqlClient
from components.pipelines.mysql_text import CHARACTER_SET, COLLATION
from components.shapes import network_policies
from images import __main__ as images
from images import store
from tests.fixtures.ports import free_port
from tests.fixtures.recorder import deploy
from workloads.wait import wait_for

_USER = "65532:65532"
_OWNERS = {"mlpipeline": "kfp", "metadb": "mlmd"}
_PASSWORDS = {"kfp": "one", "mlmd": "two"}
_NEW_SETTINGS = ("--character-set-server=", "--collation-server=", "--init-connect=")
_TABLES = """
CREATE TABLE runs (id varchar(255) PRIMARY KEY, name varchar(255) NOT NULL, text longtext, KEY k (name));
CREATE TABLE refs (a varchar(255), b varchar(255), c varchar(255), run varchar(255), PRIMARY KEY (a, b, c),
  CONSTRAINT f FOREIGN KEY (run) REFERENCES runs (id) ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO runs VALUES ('1', 'größe', 'é'); INSERT INTO refs VALUES ('a', 'ß', 'c', '1');
"""
_MISLABELLED = "SET NAMES latin1; INSERT INTO runs VALUES ('2', 'Łódź 大小 🍷', 'ä');"


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files of the image; beside them `bin/mariadb`, which calls its client, and files of passwords."""
    assert images.main(["build", "mariadb"]) == 0
    folder = tmp_path_factory.mktemp("mariadb")
    image = folder / "image"
    for blob in store.require("mariadb").blobs:
        if "layer" in blob.media_type:
            with (
                pyarrow.input_stream(str(store.blob_path(blob.digest)), compression="zstd") as layer,
                tarfile.open(fileobj=layer, mode="r|") as archive,
            ):
                archive.extractall(image, filter="fully_trusted")  # noqa: S202 - built here
    for name, minor in (("null", 3), ("urandom", 9)):
        device = image / "dev" / name
        device.unlink(missing_ok=True)
        os.mknod(device, 0o666 | stat.S_IFCHR, os.makedev(1, minor))
        device.chmod(0o666)
    for name in ("data", "init", "tmp"):
        (image / name).mkdir(exist_ok=True)
        (image / name).chmod(0o1777)
    client = folder / "bin" / "mariadb"
    client.parent.mkdir()
    client.write_text(f'#!/bin/sh\nexec chroot {image} mariadb "$@"\n')
    client.chmod(0o755)
    for owner, password in _PASSWORDS.items():
        (folder / owner).write_text(password)
    return image


def _pod() -> Any:
    def program() -> MariaDb:
        args = MariaDbArgs(
            namespace="kubeflow",
            image="mariadb",
            databases=_OWNERS,
            passwords=_PASSWORDS,
            clients=(network_policies.pods({"app": "pipelines"}),),
        )
        return MariaDb("mariadb", args)

    return deploy(program).pods()["mariadb-server"]


def _in_image(root: Path, command: Sequence[str]) -> list[str]:
    return ["chroot", f"--userspec={_USER}", str(root), *command]


@contextmanager
def _server(root: Path, port: int, *, new: bool) -> Generator[None]:
    """Run the server as the component does, or as it did before it named a character set."""
    pod = _pod()
    (install,), (server,) = pod["initContainers"], pod["containers"]
    subprocess.run(_in_image(root, install["command"]), check=True, timeout=120)
    sql = init_sql(_OWNERS, _PASSWORDS)
    unicode = f" CHARACTER SET {CHARACTER_SET} COLLATE {COLLATION}"
    (root / "init" / "init.sql").write_text(sql if new else sql.replace(unicode, ""))
    given = [*server["command"], *server["args"]]
    command = [each for each in given if new or not each.startswith(_NEW_SETTINGS)]
    own = ["--bind-address=127.0.0.1", f"--port={port}"]
    log = root / "server.log"
    with log.open("w") as sink:
        process = subprocess.Popen(_in_image(root, [*command, *own]), stdout=sink, stderr=sink)

    def answers() -> str | None:
        assert process.poll() is None, log.read_text()[-1000:]
        try:
            _client(root, port, "mlpipeline").run("SELECT 1;")
        except ClientError as error:
            return str(error)
        return None

    try:
        wait_for("MariaDB", answers, timeout_seconds=120)
        yield
    finally:
        process.terminate()
        process.wait(60)


def _client(root: Path, port: int, database: str) -> MysqlClient:
    owner = _OWNERS[database]
    return MysqlClient("127.0.0.1", str(port), owner, str(root.parent / owner), database)


def test_old_rows_are_kept_and_new_text_is_accepted(
    root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    monkeypatch.setenv("PATH", f"{root.parent / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("CHARACTER_SET", CHARACTER_SET)
    monkeypatch.setenv("COLLATION", COLLATION)
    clients = {name: _client(root, port, name) for name in _OWNERS}
    databases = [
        {"client": vars(client), "mislabelled": name == "metadb"} for name, client in clients.items()
    ]
    monkeypatch.setenv("DATABASES", json.dumps(databases))
    with _server(root, port, new=False):
        for client in clients.values():
            client.run(_TABLES)
        clients["metadb"].run(_MISLABELLED)
        with pytest.raises(ClientError, match="Incorrect string value"):
            clients["mlpipeline"].run("INSERT INTO runs VALUES ('2', 'Łódź', '');")
    with _server(root, port, new=True):
        # The second time there is nothing to do.
        assert [convert_text.main(), convert_text.main()] == [0, 0]
        for client in clients.values():
            client.run("INSERT INTO runs VALUES ('3', 'Размер 🍷 عربى', '大');")
            assert client.run("SELECT id FROM runs WHERE name = 'размер 🍷 عربى';") == [["3"]]
            assert client.run("SELECT id FROM runs WHERE name = 'размер 🍺 عربى';") == []
            with pytest.raises(ClientError, match="foreign key constraint fails"):
                client.run("INSERT INTO refs VALUES ('x', 'y', 'z', 'no such run');")
            client.run("DELETE FROM runs WHERE id = '1';")
            assert client.run("SELECT * FROM refs;") == [], "the foreign key no longer cascades"
        assert clients["metadb"].run("SELECT * FROM runs WHERE id = '2';") == [["2", "Łódź 大小 🍷", "ä"]]
    assert capsys.readouterr().out.splitlines()[-4:] == [
        f"mlpipeline: 2 tables converted to {COLLATION}, 0 texts mended",
        f"metadb: 2 tables converted to {COLLATION}, 2 texts mended",
        f"mlpipeline: 0 tables converted to {COLLATION}, 0 texts mended",
        f"metadb: 0 tables converted to {COLLATION}, 0 texts mended",
    ]
