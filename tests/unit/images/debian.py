"""A mirror of Debian on this machine: an HTTP server with packages, and an APT that lists them."""

import subprocess
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from images.debian_lock import Package
from upstream import image_recipe

_CONTROL = "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: nobody\nDescription: a test\n"
# Lists what the file beside it names, whatever is asked for; `download` lists what is downloaded alone.
_APT = """\
import pathlib, sys
folder = pathlib.Path({folder!r})
with (folder / 'calls').open('a') as calls:
    calls.write(' '.join(sys.argv[1:]) + '\\n')
if (folder / 'broken').exists():
    sys.exit('E: the index is not signed')
if 'install' in sys.argv or 'download' in sys.argv:
    print((folder / sys.argv[sys.argv.index('--print-uris') - 1]).read_text())
"""


@dataclass(kw_only=True)
class Debian:
    """What the mirror holds, and what its answers are."""

    folder: Path
    address: str
    files: dict[str, bytes]
    status: dict[str, int] = field(default_factory=dict[str, int])
    asked: list[str] = field(default_factory=list[str])

    def publish(self, name: str, version: str) -> Package:
        """Put a package on the mirror."""
        made = self.folder / "made" / name
        (made / "DEBIAN").mkdir(parents=True, exist_ok=True)
        (made / "DEBIAN" / "control").write_text(_CONTROL.format(name=name, version=version))
        deb = self.folder / f"{name}.deb"
        subprocess.run(["dpkg-deb", "--build", str(made), str(deb)], check=True, capture_output=True)
        content = deb.read_bytes()
        digest, path = sha256(content).hexdigest(), f"debian/pool/{name}_{version.rpartition(':')[2]}_all.deb"
        self.files[f"/{path}"] = content
        return Package(name=name, version=version, sha256=digest, path=path)

    def list(self, *packages: Package, alone: tuple[Package, ...] = ()) -> None:
        """Let APT name packages as those to install, and as those to download alone."""
        for command, listed in (("install", packages), ("download", alone)):
            (self.folder / command).write_text("\n".join(self._line(each) for each in listed))

    def _line(self, package: Package) -> str:
        file = f"{package.name}_{package.version.replace(':', '%3a')}_all.deb"
        return f"'{self.address}/{package.path.replace('+', '%2b')}' {file} 1 SHA256:{package.sha256}"


@contextmanager
def serving(folder: Path) -> Generator[Debian]:
    """Serve a mirror that is empty at first; `folder/apt-get` stands in for APT."""
    folder.mkdir(exist_ok=True)
    apt = folder / "apt-get"
    apt.write_text(f"#!{sys.executable} -IS\n{_APT.format(folder=str(folder))}")
    apt.chmod(0o755)
    debian = Debian(folder=folder, address="", files={})

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            debian.asked.append(self.path)
            content = debian.files.get(self.path.replace("%2B", "+"))
            self.send_response(debian.status.get(self.path, 200 if content is not None else 404))
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    debian.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield debian
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


TABLE = '[debian]\nsuite = "bookworm"\nvariant = "minbase"\npackages = ["python3"]\n'


def locked(*packages: Package, moment: str = "20260102T030405Z") -> str:
    """Return the text of a lock."""
    lines = [f"{each.name} {each.version} {each.sha256} {each.path}" for each in packages]
    return "\n".join([f"# app: {moment} is when", *lines, ""])


def write_lock(image: str, *packages: Package) -> None:
    """Write the lock of an image."""
    (image_recipe.FOLDER / image / image_recipe.DEBIAN_LOCK).write_text(locked(*packages))
    image_recipe.forget()
