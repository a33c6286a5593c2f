"""A push against the real registry program: what arrives is what was stored, over plain HTTP and over TLS.

It is built without logins, so those are tested against a fake (`tests/unit/images/fake_registry.py`).
"""

import datetime
import hashlib
import http.client
import ipaddress
import json
import shutil
import socket
import subprocess
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from images import __main__, store
from tests.unit.images.layouts import write_layout
from upstream import image_recipe
from upstream.build import binary
from workloads.wait import wait_for

_LAYERS = (b"one" * 100_000, b"two")
_PATH = "/v2/team/plinth/app"
_PAIR = "app=registry.example.org/team/plinth/app:1"
Serve = Callable[..., str]


@pytest.fixture
def registry(tmp_path: Path) -> Generator[Serve]:
    """Give a function that starts a registry at an address, with a certificate or without, and names it."""
    program = binary("registry")
    with ExitStack() as running:

        def serve(
            address: str = "127.0.0.1", tls: dict[str, str] | None = None, folder: Path = tmp_path
        ) -> str:
            return running.enter_context(_serving(program, folder, address, tls))

        yield serve


@contextmanager
def _serving(program: Path, folder: Path, address: str, tls: dict[str, str] | None) -> Generator[str]:
    with socket.socket() as listener:
        listener.bind((address, 0))
        host = f"{address}:{listener.getsockname()[1]}"
    config = {
        "version": 0.1,
        "log": {"level": "warn", "accesslog": {"disabled": True}},
        "storage": {"filesystem": {"rootdirectory": str(folder / "registry")}},
        "http": {"addr": host} | ({"tls": tls} if tls else {}),
    }
    file = folder / "registry.json"
    file.write_text(json.dumps(config))
    with (folder / "registry.log").open("w") as log:
        process = subprocess.Popen(
            [str(program), "serve", str(file)], stdout=log, stderr=log, env={"OTEL_TRACES_EXPORTER": "none"}
        )

    def listens() -> str | None:
        if process.poll() is not None:
            raise AssertionError((folder / "registry.log").read_text())
        with socket.socket() as client:
            port = int(host.rpartition(":")[2])
            return None if client.connect_ex((address, port)) == 0 else "not yet"

    try:
        wait_for("the registry", listens, timeout_seconds=60, interval_seconds=0.1)
        yield host
    finally:
        process.terminate()
        process.wait(timeout=10)


@pytest.fixture
def stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, registry: Serve) -> Generator[store.Record]:
    """Store an image called app with two layers, in a cache of its own."""
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(image_recipe, "FOLDER", tmp_path / "images")
    folder = tmp_path / "images" / "app"
    folder.mkdir(parents=True)
    (folder / "image.toml").touch()
    (folder / "Dockerfile").write_text("FROM scratch\n")
    image_recipe.load.cache_clear()
    image_recipe.key.cache_clear()
    write_layout(tmp_path / "layout", *_LAYERS)
    yield store.adopt("app", image_recipe.key("app"), tmp_path / "layout")
    image_recipe.load.cache_clear()
    image_recipe.key.cache_clear()


def fetch(host: str, path: str, accept: str = "") -> bytes:
    connection = http.client.HTTPConnection(host, timeout=10)
    connection.request("GET", path, headers={"Accept": accept} if accept else {})
    response = connection.getresponse()
    content = response.read()
    connection.close()
    assert response.status == 200, content
    return content


def test_what_is_pushed_is_what_the_registry_serves(
    stored: store.Record, registry: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    host = registry()
    assert __main__.main(["push", "--to", host, _PAIR]) == 0
    assert f"1 pushed, 1 of them new, to {host}" in capsys.readouterr().out
    manifest = fetch(host, f"{_PATH}/manifests/1", stored.manifest.media_type)
    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == stored.manifest.digest
    layers = [layer["digest"] for layer in json.loads(manifest)["layers"]]
    assert tuple(fetch(host, f"{_PATH}/blobs/{digest}") for digest in layers) == _LAYERS


@pytest.mark.skipif(shutil.which("skopeo") is None, reason="copies need the package skopeo")
def test_a_copy_in_another_registry_is_what_the_first_serves(
    stored: store.Record, registry: Serve, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "another"
    folder.mkdir()
    source, target = registry(), registry(folder=folder)
    assert __main__.main(["push", "--to", source, _PAIR]) == 0
    copy = f"{source}/team/plinth/app:1={target}/copies/app:1"
    assert __main__.main(["mirror", copy, "--to", target]) == 0
    manifest = fetch(target, "/v2/copies/app/manifests/1", stored.manifest.media_type)
    assert f"sha256:{hashlib.sha256(manifest).hexdigest()}" == stored.manifest.digest
    capsys.readouterr()
    assert __main__.main(["mirror", copy, "--to", target]) == 0
    assert capsys.readouterr().out.endswith(f"1 mirrored, 0 of them new, to {target}\n")


@pytest.mark.usefixtures("stored")
def test_a_second_push_sends_nothing(registry: Serve, capsys: pytest.CaptureFixture[str]) -> None:
    host = registry()
    assert __main__.main(["push", "--to", host, _PAIR]) == 0
    assert __main__.main(["push", "--to", host, _PAIR, f"{_PAIR[:-1]}2"]) == 0
    # The second tag is new, its layers are not.
    assert "2 pushed, 1 of them new" in capsys.readouterr().out


def _certificate(folder: Path, address: str) -> dict[str, str]:
    """Write a certificate that vouches for itself, and its key; return them as the registry wants them."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "a registry")])
    now = datetime.datetime.now(datetime.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(hours=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address(address))]), critical=False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    files = {"certificate": folder / "tls.crt", "key": folder / "tls.key"}
    files["certificate"].write_bytes(certificate.public_bytes(pem))
    files["key"].write_bytes(private)
    return {name: str(path) for name, path in files.items()}


@pytest.mark.usefixtures("stored")
def test_a_registry_elsewhere_is_pushed_to_over_tls_that_is_checked(
    registry: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # A loopback address that the client does not take for this machine.
    tls = _certificate(tmp_path, "127.0.0.2")
    host = registry("127.0.0.2", tls)
    assert __main__.main(["push", "--to", host, _PAIR]) == 1
    assert "certificate verify failed" in capsys.readouterr().err
    monkeypatch.setenv("SSL_CERT_FILE", tls["certificate"])
    assert __main__.main(["push", "--to", host, _PAIR]) == 0
    assert "1 pushed, 1 of them new" in capsys.readouterr().out
