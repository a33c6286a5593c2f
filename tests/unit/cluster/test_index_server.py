"""The index passes on what another has, to the pip of the environment itself."""

import hashlib
import subprocess
import sys
import threading
import zipfile
from collections.abc import Generator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from cluster import index_server
from cluster.index_server import Index
from cluster.pip_settings import PipSettings

HOST = "127.0.0.1"
WHEEL = "demo-1.0-py3-none-any.whl"


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


def _serve(server: ThreadingHTTPServer) -> str:
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://{HOST}:{server.server_address[1]}"


def _wheel(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("demo.py", "VALUE = 1\n")
        archive.writestr("demo-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: demo\nVersion: 1.0\n")
        wheel = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        archive.writestr("demo-1.0.dist-info/WHEEL", wheel)
        archive.writestr("demo-1.0.dist-info/RECORD", "")


@pytest.fixture
def upstream(tmp_path: Path) -> Generator[Path]:
    folder = tmp_path / "upstream"
    (folder / "simple" / "demo").mkdir(parents=True)
    _wheel(folder / WHEEL)
    digest = hashlib.sha256((folder / WHEEL).read_bytes()).hexdigest()
    page = f'<a href="../../{WHEEL}#sha256={digest}">{WHEEL}</a>'
    (folder / "simple" / "demo" / "index.html").write_text(page)
    server = ThreadingHTTPServer((HOST, 0), partial(_Quiet, directory=str(folder)))
    (folder / "url").write_text(_serve(server))
    yield folder
    server.shutdown()
    server.server_close()


@pytest.fixture
def index(upstream: Path, tmp_path: Path) -> Generator[str]:
    settings = PipSettings(indexes=(f"{(upstream / 'url').read_text()}/simple",))
    server = index_server.server(Index(settings, tmp_path / "kept"), HOST, 0)
    yield _serve(server)
    server.shutdown()
    server.server_close()


def _download(index: str, folder: Path, package: str) -> subprocess.CompletedProcess[str]:
    command = [
        sys.executable,
        "-m",
        "pip",
        "--isolated",
        "download",
        "--no-deps",
        "--no-cache-dir",
        "--retries=0",
    ]
    command += ["--dest", str(folder), "--index-url", f"{index}/simple/", "--trusted-host", HOST, package]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_pip_installs_what_the_other_index_has(index: str, upstream: Path, tmp_path: Path) -> None:
    done = _download(index, tmp_path / "out", "demo==1.0")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / WHEEL).read_bytes() == (upstream / WHEEL).read_bytes()


def test_a_file_that_was_fetched_is_kept(index: str, upstream: Path, tmp_path: Path) -> None:
    assert _download(index, tmp_path / "first", "demo").returncode == 0
    (upstream / WHEEL).unlink()
    assert _download(index, tmp_path / "second", "demo").returncode == 0


def test_a_package_that_no_index_has_is_named_by_pip(index: str, tmp_path: Path) -> None:
    done = _download(index, tmp_path, "no-such-package")
    assert done.returncode == 1
    assert "no-such-package" in done.stderr


def test_a_file_that_is_not_what_the_index_promised_is_refused(
    index: str, upstream: Path, tmp_path: Path
) -> None:
    with (upstream / WHEEL).open("ab") as file:
        file.write(b"changed")
    done = _download(index, tmp_path, "demo")
    assert done.returncode != 0
    assert not (tmp_path / WHEEL).exists()


def test_an_index_that_is_away_is_told(tmp_path: Path) -> None:
    away = Index(PipSettings(indexes=("http://127.0.0.1:9/simple",)), tmp_path)
    with pytest.raises(index_server.RefusedError, match="does not answer"):
        away.files("demo")


def test_a_host_that_pip_trusts_is_not_verified_and_others_as_pip_does() -> None:
    settings = PipSettings(
        certificate="/etc/company.pem", trusted_hosts=("a.example.com",), proxy="http://p:1"
    )
    known = Index(settings, Path("/nowhere"))
    assert known.session("https://a.example.com/simple").verify is False
    other = known.session("https://b.example.com/simple")
    assert (other.verify, other.proxies["https"]) == ("/etc/company.pem", "http://p:1")
