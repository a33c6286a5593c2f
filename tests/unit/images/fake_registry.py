"""The calls of the distribution API that a push makes, with the logins that registries require."""

import hashlib
import json
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit


@dataclass
class FakeRegistry:
    """What a registry holds, and how it behaves."""

    host: str = ""
    blobs: dict[str, bytes] = field(default_factory=dict[str, bytes])
    manifests: dict[str, bytes] = field(default_factory=dict[str, bytes])
    requests: list[str] = field(default_factory=list[str])
    refuses: int = 0
    """Status of every upload."""
    immutable: bool = False
    """Whether it refuses a second manifest under a tag, as ECR does."""
    basic: str = ""
    """The Authorization header it wants."""
    tokens: dict[str, str] = field(default_factory=dict[str, str])
    """Scope -> bearer token that it wants, instead of a login on every request."""


class _Handler(BaseHTTPRequestHandler):
    registry: FakeRegistry

    def _answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _admits(self) -> bool:
        given = self.headers.get("Authorization", "")
        mine = self.registry
        mine.requests.append(f"{self.command} {urlsplit(self.path).path} {given}".rstrip())
        if mine.tokens:
            scope = "pull" if self.command == "HEAD" else "pull,push"
            if given.removeprefix("Bearer ") in list(mine.tokens.values())[list(mine.tokens).index(scope) :]:
                return True
            realm = f'Bearer realm="http://{mine.host}/token",service="fake",scope="{scope}"'
            self._refuse(realm)
            return False
        if mine.basic and given != mine.basic:
            self._refuse('Basic realm="fake"')
            return False
        return True

    def _refuse(self, challenge: str) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer(401, WWW_Authenticate=challenge)

    def do_GET(self) -> None:
        scope = parse_qs(urlsplit(self.path).query)["scope"][0]
        if self.registry.basic and self.headers.get("Authorization") != self.registry.basic:
            self._answer(401)
        else:
            self._answer(200, json.dumps({"token": self.registry.tokens[scope]}).encode())

    def do_HEAD(self) -> None:
        if not self._admits():
            return
        if "/blobs/" in self.path:
            self._answer(200 if self.path.rpartition("/")[2] in self.registry.blobs else 404)
        elif self.path in self.registry.manifests:
            digest = hashlib.sha256(self.registry.manifests[self.path]).hexdigest()
            self._answer(200, Docker_Content_Digest=f"sha256:{digest}")
        else:
            self._answer(404)

    def do_POST(self) -> None:
        if self._admits():
            place = f"http://{self.headers['Host']}/upload?state=x"
            self._answer(self.registry.refuses or 202, Location=place)

    def do_PUT(self) -> None:
        if not self._admits():
            return
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/upload"):
            digest = parse_qs(urlsplit(self.path).query)["digest"][0]
            assert f"sha256:{hashlib.sha256(body).hexdigest()}" == digest
            self.registry.blobs[digest] = body
        elif self.registry.immutable and self.path in self.registry.manifests:
            self._answer(400, b"ImageTagAlreadyExistsException")
            return
        else:
            self.registry.manifests[self.path] = body
        self._answer(201)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@contextmanager
def serving(**behaviour: object) -> Generator[FakeRegistry]:
    """Serve a registry on a loopback port."""
    held = FakeRegistry()
    for name, value in behaviour.items():
        setattr(held, name, value)
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"registry": held}))
    held.host = f"127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield held
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
