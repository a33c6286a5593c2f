"""An index of Python packages for a cluster without a way out: it passes on what this machine's pip gets.

Run as `python -m cluster.index_server SETTINGS FOLDER ADDRESS:PORT`. It asks the index that this machine's
pip is set to, for the project that a client names, and keeps the files that it has fetched.
"""

import hashlib
import os
import socket
import sys
import tempfile
import threading
import time
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import requests

from cluster import index_pages
from cluster.index_pages import File
from cluster.pip_settings import PipSettings

_PAGE_SECONDS = 600.0
_TIMEOUT_SECONDS = (5.0, 30.0)
_CHUNK_BYTES = 256 * 1024
# Linux's number of it: the address may appear after the server has started.
_IP_FREEBIND = 15


class RefusedError(Exception):
    """The answer is an error; the text is its reason."""

    def __init__(self, status: HTTPStatus, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Index:
    """The index that this machine's pip asks, with a memory."""

    def __init__(self, settings: PipSettings, folder: Path) -> None:
        self._settings = settings
        self._folder = folder
        self._pages: dict[str, tuple[float, tuple[File, ...]]] = {}
        self._fetching: dict[str, threading.Lock] = {}
        self._lock = threading.Lock()

    def session(self, url: str) -> requests.Session:
        """Return a client with pip's own settings."""
        made = requests.Session()
        if self._settings.certificate:
            made.verify = self._settings.certificate
        if {urlsplit(url).hostname, urlsplit(url).netloc} & set(self._settings.trusted_hosts):
            made.verify = False
        if self._settings.proxy:
            made.proxies = {"http": self._settings.proxy, "https": self._settings.proxy}
        return made

    def files(self, project: str) -> tuple[File, ...]:
        """Return the files of a project.

        Raises:
            RefusedError: no index has the project, or none answers.
        """
        with self._lock:
            kept = self._pages.get(project)
        if kept and time.monotonic() - kept[0] < _PAGE_SECONDS:
            return kept[1]
        found: dict[str, File] = {}
        for index in self._settings.indexes:
            for file in self._page(index, project):
                found.setdefault(file.name, file)
        if not found:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"no index has {project}")
        with self._lock:
            self._pages[project] = (time.monotonic(), tuple(found.values()))
        return tuple(found.values())

    def _page(self, index: str, project: str) -> tuple[File, ...]:
        url = urljoin(f"{index.rstrip('/')}/", f"{project}/")
        try:
            answer = self.session(url).get(
                url, headers={"Accept": index_pages.ACCEPT}, timeout=_TIMEOUT_SECONDS
            )
        except requests.RequestException as error:
            reason = f"the index of this machine's pip does not answer: {type(error).__name__}"
            raise RefusedError(HTTPStatus.BAD_GATEWAY, reason) from error
        if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN, HTTPStatus.GONE}:
            return ()
        if not answer.ok:
            reason = f"the index of this machine's pip answers {answer.status_code}"
            raise RefusedError(HTTPStatus.BAD_GATEWAY, reason)
        return index_pages.read(answer.url, answer.headers.get("Content-Type", ""), answer.text)

    def file(self, project: str, name: str) -> Path:
        """Return a file of a project, or its metadata if the name ends so; fetched unless it is kept.

        Raises:
            RefusedError: there is no such file, it cannot be fetched, or it is not what the index promised.
        """
        wanted = name.removesuffix(".metadata")
        listed = next((each for each in self.files(project) if each.name in (name, wanted)), None)
        if listed is None:
            raise RefusedError(HTTPStatus.NOT_FOUND, f"{project} has no file {name}")
        whole = listed.name == name
        url = listed.url if whole else f"{listed.url}.metadata"
        target = self._folder / hashlib.sha256(url.encode()).hexdigest()
        # One fetch for all who wait: pip asks again for a large file before it has come.
        with self._lock:
            fetching = self._fetching.setdefault(target.name, threading.Lock())
        with fetching:
            if not target.is_file():
                self._fetch(url, target, listed.sha256 if whole else None)
        return target

    def _fetch(self, url: str, target: Path, sha256: str | None) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        digest = hashlib.sha256()
        with tempfile.NamedTemporaryFile(dir=self._folder, suffix=".partial", delete=False) as sink:
            partial = Path(sink.name)
            try:
                with self.session(url).get(url, stream=True, timeout=_TIMEOUT_SECONDS) as answer:
                    answer.raise_for_status()
                    for chunk in answer.iter_content(_CHUNK_BYTES):
                        digest.update(chunk)
                        sink.write(chunk)
                sink.flush()
                if sha256 and digest.hexdigest() != sha256:
                    raise RefusedError(HTTPStatus.BAD_GATEWAY, "the file is not what the index promised")
                partial.rename(target)
            except requests.RequestException as error:
                reason = f"the file cannot be fetched: {type(error).__name__}"
                raise RefusedError(HTTPStatus.BAD_GATEWAY, reason) from error
            finally:
                partial.unlink(missing_ok=True)


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    index: Index

    def do_GET(self) -> None:
        parts = [unquote(part) for part in urlsplit(self.path).path.split("/") if part]
        try:
            match parts:
                case ["simple", name] if project := index_pages.normalized(name):
                    self._page(project)
                case ["files", name, file] if project := index_pages.normalized(name):
                    self._file(self.index.file(project, file))
                case ["healthz"]:
                    self._answer(b"ok", "text/plain")
                case _:
                    raise RefusedError(HTTPStatus.NOT_FOUND, "ask for /simple/PROJECT/")
        except RefusedError as error:
            self.send_error(error.status, str(error))

    def _page(self, project: str) -> None:
        self._answer(index_pages.written(project, self.index.files(project)).encode(), "text/html")

    def _answer(self, body: bytes, content_type: str) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _file(self, path: Path) -> None:
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Type", "application/octet-stream")
        self.send_header("Content-Length", str(path.stat().st_size))
        self.end_headers()
        with path.open("rb") as source:
            while chunk := source.read(_CHUNK_BYTES):
                self.wfile.write(chunk)

    def log_message(self, format: str, *args: object) -> None:
        sys.stderr.write(f"{self.log_date_time_string()} {format % args}\n")


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def server_bind(self) -> None:
        self.socket.setsockopt(socket.IPPROTO_IP, _IP_FREEBIND, 1)
        super().server_bind()


def server(index: Index, host: str, port: int) -> ThreadingHTTPServer:
    """Return a server of an index that listens already."""
    return _Server((host, port), type("Handler", (_Handler,), {"index": index}))


def main() -> None:
    """Serve until the process is ended."""
    settings = PipSettings.from_file(Path(sys.argv[1]))
    os.environ.update(settings.proxies)
    host, _, port = sys.argv[3].rpartition(":")
    server(Index(settings, Path(sys.argv[2])), host, int(port)).serve_forever()


if __name__ == "__main__":
    main()
