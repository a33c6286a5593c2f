"""Copies images of public registries to another, and asks registries for digests, with skopeo.

Nodes are Linux on x86-64.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from images import ImagesError, registry, registry_login
from images.remote_registry import is_local

_SECONDS = 1800.0
# How registries say that they have no such tag, or no such repository.
_UNKNOWN = ("manifest unknown", "name unknown", "not found")
_PLATFORM = ("--override-os=linux", "--override-arch=amd64")


@dataclass(frozen=True, kw_only=True)
class Mirror:
    """A registry that images are copied to."""

    host: str
    plain_http: bool = False

    def copy(self, source: str, target: registry.Target) -> bool:
        """Copy an image unless its tag is there already; return whether anything was copied.

        Raises:
            ImagesError: skopeo is missing, or a registry refuses.
        """
        place = f"docker://{self.host}/{target.repository}:{target.tag}"
        here = _verify(secure=not (self.plain_http or is_local(self.host)))
        there = _verify(secure=not is_local(source.partition("/")[0]))
        with _login(self.host) as login:
            if _skopeo("inspect", "--raw", f"--{here}", *login(""), place).returncode == 0:
                return False
            tls = (f"--src-{there}", f"--dest-{here}")
            kept = ("--preserve-digests", "--retry-times=3")
            done = _skopeo("copy", *kept, *tls, *login("dest-"), f"docker://{source}", place)
        if done.returncode != 0:
            lines = done.stderr.strip().splitlines() or ["no output"]
            raise ImagesError(f"{source} to {self.host}/{target.repository}:{target.tag}: {lines[-1]}")
        return True


def digest(reference: str) -> str | None:
    """Ask a registry for the digest by which nodes pull a tag; None if it has no such tag.

    Raises:
        ImagesError: skopeo is missing, or the registry does not answer.
    """
    host = reference.partition("/")[0]
    with _login(host) as login:
        tls = f"--{_verify(secure=not is_local(host))}"
        done = _skopeo("inspect", "--format={{.Digest}}", tls, *login(""), f"docker://{reference}")
    if done.returncode == 0:
        return done.stdout.strip()
    *_, reason = done.stderr.strip().splitlines() or ["no output"]
    if any(text in reason for text in _UNKNOWN):
        return None
    raise ImagesError(f"{reference}: {reason}")


def _verify(*, secure: bool) -> str:
    return f"tls-verify={str(secure).lower()}"


def _skopeo(*arguments: str) -> "subprocess.CompletedProcess[str]":
    program = shutil.which("skopeo")
    if program is None:
        raise ImagesError("skopeo is missing: run `apt-get install skopeo`")
    argv = [program, *_PLATFORM, "--command-timeout=30m", *arguments]
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_SECONDS)


class _Login:
    """Options with which skopeo signs in: a file, because everyone on the machine can read arguments."""

    def __init__(self, file: Path | None) -> None:
        self._file = file

    def __call__(self, prefix: str) -> tuple[str, ...]:
        return () if self._file is None else (f"--{prefix}authfile={self._file}",)


@contextmanager
def _login(host: str) -> Generator[_Login]:
    found = None if is_local(host) else registry_login.find(host)
    if found is None:
        yield _Login(None)
        return
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "auth.json"
        file.touch(mode=0o600)
        file.write_text(json.dumps({"auths": {host: {"auth": found.header.removeprefix("Basic ")}}}))
        yield _Login(file)
