import hashlib
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from images import ImagesError, registry, store

_REFERENCE = registry.Target(repository="plinth/app", tag="1")


@pytest.mark.parametrize(
    ("reference", "repository", "tag"),
    [
        ("registry.k8s.io/coredns/coredns:v1", "coredns/coredns", "v1"),
        ("localhost:5000/a/b:2", "a/b", "2"),
        ("localhost/a:2", "a", "2"),
        ("plinth/workload:abc", "plinth/workload", "abc"),
        ("traefik:v3", "library/traefik", "v3"),
    ],
)
def test_a_reference_loses_the_host_that_a_mirror_stands_for(
    reference: str, repository: str, tag: str
) -> None:
    assert registry.parse(reference) == registry.Target(repository=repository, tag=tag)


@pytest.mark.parametrize("reference", ["plinth/app", "localhost:5000/app", ":1"])
def test_a_reference_without_tag_is_refused(reference: str) -> None:
    with pytest.raises(ImagesError, match="has no tag"):
        registry.parse(reference)


def test_publishing_twice_changes_nothing_the_second_time(stored: store.Record) -> None:
    assert registry.publish(stored, _REFERENCE)
    assert registry.is_published(stored, _REFERENCE)
    assert not registry.publish(stored, _REFERENCE)


def test_a_published_image_has_the_layout_of_the_registrys_driver(stored: store.Record) -> None:
    registry.publish(stored, _REFERENCE)
    root = registry.folder() / "docker" / "registry" / "v2"
    manifests = root / "repositories" / "plinth" / "app" / "_manifests"
    digest = stored.manifest.digest.removeprefix("sha256:")
    assert (manifests / "tags" / "1" / "current" / "link").read_text() == stored.manifest.digest
    assert (manifests / "tags" / "1" / "index" / "sha256" / digest / "link").is_file()
    assert (manifests / "revisions" / "sha256" / digest / "link").read_text() == stored.manifest.digest
    for blob in stored.blobs:
        name = blob.digest.removeprefix("sha256:")
        link = root / "repositories" / "plinth" / "app" / "_layers" / "sha256" / name / "link"
        assert link.read_text() == blob.digest
        data = root / "blobs" / "sha256" / name[:2] / name / "data"
        assert data.samefile(store.blob_path(blob.digest))


def test_tidy_removes_what_is_no_longer_stored(stored: store.Record, cache: Path) -> None:
    registry.publish(stored, _REFERENCE)
    assert registry.tidy() == 0
    assert registry.is_published(stored, _REFERENCE)
    for path in (cache / "images" / "records").iterdir():
        path.unlink()
    assert registry.tidy() == stored.size + stored.manifest.size
    assert not registry.is_published(stored, _REFERENCE)


class _FakeRegistry(BaseHTTPRequestHandler):
    """The few calls of the distribution API that a push makes."""

    blobs: dict[str, bytes]
    manifests: dict[str, bytes]
    refuses = False

    def _answer(self, status: int, **headers: str) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_HEAD(self) -> None:
        if "/blobs/" in self.path:
            self._answer(200 if self.path.rpartition("/")[2] in self.blobs else 404)
        elif self.path in self.manifests:
            digest = hashlib.sha256(self.manifests[self.path]).hexdigest()
            self._answer(200, Docker_Content_Digest=f"sha256:{digest}")
        else:
            self._answer(404)

    def do_POST(self) -> None:
        self._answer(500 if self.refuses else 202, Location=f"http://{self.headers['Host']}/upload?state=x")

    def do_PUT(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.path.startswith("/upload"):
            digest = parse_qs(urlsplit(self.path).query)["digest"][0]
            assert f"sha256:{hashlib.sha256(body).hexdigest()}" == digest
            self.blobs[digest] = body
        else:
            self.manifests[self.path] = body
        self._answer(201)

    def log_message(self, format: str, *args: object) -> None:
        """Stay silent."""


@pytest.fixture
def running() -> Iterator[ThreadingHTTPServer]:
    handler = type("Handler", (_FakeRegistry,), {"blobs": {}, "manifests": {}})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_push_sends_every_blob_once_and_the_manifest_last(
    stored: store.Record, running: ThreadingHTTPServer
) -> None:
    target = registry.Registry(f"127.0.0.1:{running.server_port}")
    assert target.publish(stored, _REFERENCE)
    assert not target.publish(stored, _REFERENCE)
    handler = running.RequestHandlerClass
    assert set(getattr(handler, "blobs")) == {blob.digest for blob in stored.blobs}  # noqa: B009
    assert list(getattr(handler, "manifests")) == ["/v2/plinth/app/manifests/1"]  # noqa: B009


def test_a_refusing_registry_is_named(stored: store.Record, running: ThreadingHTTPServer) -> None:
    setattr(running.RequestHandlerClass, "refuses", True)  # noqa: B010
    with pytest.raises(ImagesError, match=rf"127.0.0.1:{running.server_port} answered 500"):
        registry.Registry(f"127.0.0.1:{running.server_port}").publish(stored, _REFERENCE)


def test_a_registry_that_is_not_there_is_named(stored: store.Record) -> None:
    with pytest.raises(ImagesError, match=r"registry 127.0.0.1:1: .*is it running"):
        registry.Registry("127.0.0.1:1").publish(stored, _REFERENCE)
