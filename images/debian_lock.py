"""The lock of an image's Debian packages: exact versions and checksums, in its folder and so in its key.

It is made by APT from the signed indexes of Debian, and lists what an image gets beyond its base. A build
installs nothing else ([ADR 12](../docs/adr/0012-debian-packages-are-locked.md)).
"""

import contextlib
import os
import subprocess
import tempfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

from images import ImagesError, debian_mirror
from upstream import image_recipe
from upstream.cache import write_atomically
from upstream.image_recipe import DEBIAN_LOCK, Image

_KEYS = "/usr/share/keyrings/debian-archive-keyring.gpg"
# What mmdebstrap means by its variants.
_VARIANTS = {"essential": ("?essential",), "minbase": ("?essential", "?priority(required)")}
_SECONDS = 300
_MOMENT = "%Y%m%dT%H%M%SZ"
_CONFIGURATION = """\
Dir "{folder}";
Dir::State "state";
Dir::State::status "{folder}/status";
Dir::Cache "cache";
Dir::Etc "etc";
APT::Architecture "amd64";
APT::Architectures {{"amd64";}};
APT::Install-Recommends "false";
APT::Sandbox::User "root";
pkgCacheGen::ForceEssential ",";
Acquire::ForceHash "SHA256";
Acquire::Languages "none";
Acquire::Retries "3";
"""


@dataclass(frozen=True, kw_only=True)
class Package:
    """A package as Debian publishes it."""

    name: str
    version: str
    sha256: str
    path: str
    """Below the mirror, such as `debian/pool/main/b/bash/bash_5.2.15-2+b13_amd64.deb`."""


@dataclass(frozen=True, kw_only=True)
class Lock:
    """Packages, and the moment (such as 20261130T062000Z) at which Debian's indexes listed them."""

    moment: str
    packages: tuple[Package, ...]


def path(image: Image) -> Path:
    """Return where the lock of an image is."""
    return image.folder / DEBIAN_LOCK


def read(image: Image) -> Lock:
    """Return the lock of an image with Debian packages.

    Raises:
        ImagesError: there is none, or a line of it is damaged.
    """
    where, fix = f"images/{image.name}/{DEBIAN_LOCK}", f"run `python -m images lock {image.name}`"
    try:
        first, *lines = path(image).read_text().splitlines()
        packages = [line.split(" ") for line in lines]
        return Lock(
            moment=datetime.strptime(first.split()[2], _MOMENT).strftime(_MOMENT),
            packages=tuple(
                Package(name=name, version=version, sha256=sha256, path=below)
                for name, version, sha256, below in packages
            ),
        )
    except FileNotFoundError:
        raise ImagesError(f"{where} is missing: {fix}") from None
    except (ValueError, IndexError):
        raise ImagesError(f"{where} is not a lock of packages: {fix}") from None


def renew(image: Image) -> int:
    """Write the lock of an image anew if Debian's indexes list other packages; return how many have changed.

    Raises:
        ImagesError: APT fails, or the lock cannot be written.
    """
    packages = _resolve(image)
    old: set[Package] = set()
    with contextlib.suppress(ImagesError):
        old.update(read(image).packages)
    changed = {package.name for package in old.symmetric_difference(packages)}
    if not changed:
        return 0
    moment = datetime.now(UTC).strftime(_MOMENT)
    lines = [
        f"# {image.name}: {moment} is when Debian had these packages; `python -m images lock` renews them."
    ]
    lines += [f"{each.name} {each.version} {each.sha256} {each.path}" for each in packages]
    try:
        write_atomically(path(image), "\n".join(lines) + "\n", mode=0o644)
    except OSError as error:
        raise ImagesError(f"images/{image.name}/{DEBIAN_LOCK} cannot be written: {error.strerror}") from None
    image_recipe.forget()
    return len(changed)


def _resolve(image: Image) -> tuple[Package, ...]:
    """Return what an image installs beyond its base, by name."""
    chain = image_recipe.with_bases([image.name])
    tables = [each.debian for each in chain if each.debian is not None]
    root, own = tables[0], tables[-1]
    wanted = [*_VARIANTS[root.variant], *(name for table in tables for name in table.packages)]
    with tempfile.TemporaryDirectory(prefix="plinth-apt-") as made:
        apt = _Apt(Path(made), root.suite, image.name)
        found = apt.uris("install", *wanted)
        found += apt.uris("download", *own.alone) if own.alone else []
    taken = {package.name for each in chain[:-1] if each.debian for package in read(each).packages}
    return tuple(sorted((each for each in found if each.name not in taken), key=lambda each: each.name))


class _Apt:
    """APT with folders of its own, in which nothing is installed."""

    def __init__(self, folder: Path, suite: str, image: str) -> None:
        self._image = image
        self._configuration = folder / "apt.conf"
        self._configuration.write_text(_CONFIGURATION.format(folder=folder))
        for name in ("state/lists/partial", "cache/archives/partial", "etc/apt.conf.d", "etc/preferences.d"):
            (folder / name).mkdir(parents=True)
        (folder / "status").touch()
        (folder / "etc/sources.list").write_text(debian_mirror.sources(suite, f"[signed-by={_KEYS}]"))
        self._run("update", "--error-on=any")

    def uris(self, command: str, *packages: str) -> list[Package]:
        """Return what a command would download."""
        lines = self._run(command, "--print-uris", *packages).splitlines()
        return [_package(line) for line in lines if line.startswith("'")]

    def _run(self, *arguments: str) -> str:
        environment = {**os.environ, "APT_CONFIG": str(self._configuration), "LC_ALL": "C"}
        try:
            done = subprocess.run(
                ["apt-get", "-qq", *arguments],
                capture_output=True,
                text=True,
                check=False,
                env=environment,
                timeout=_SECONDS,
            )
        except FileNotFoundError:
            raise ImagesError(f"image {self._image}: apt-get is not installed: build on Debian") from None
        except subprocess.TimeoutExpired:
            raise ImagesError(
                f"image {self._image}: apt-get {arguments[0]}: no end in {_SECONDS} s"
            ) from None
        if done.returncode != 0:
            *_, reason = done.stderr.strip().splitlines() or ["no reason given"]
            raise ImagesError(f"image {self._image}: apt-get {arguments[0]}: {reason}")
        return done.stdout


def _package(line: str) -> Package:
    """Read a line of `--print-uris`: 'URI' name_version_architecture.deb size SHA256:digest."""
    uri, file, _, digest = line.split()
    name, version, _ = unquote(file).split("_")
    return Package(
        name=name,
        version=version,
        sha256=digest.removeprefix("SHA256:"),
        path=debian_mirror.path_of(uri.strip("'")),
    )
