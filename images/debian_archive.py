"""Fetches locked Debian packages, and gives them to mmdebstrap as the only ones there are."""

import os
import subprocess
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

from images import ImagesError, debian_mirror
from images.debian_lock import Lock, Package

_CONNECTIONS = 8


def fetch(lock: Lock, folder: Path) -> list[Package]:
    """Download what a folder does not have yet; return the packages that are no longer obtainable.

    Raises:
        ImagesError: the mirror does not answer, or gave something else under the name of a package.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with ThreadPoolExecutor(max_workers=_CONNECTIONS) as pool:
        present = pool.map(lambda package: _fetch_one(package, lock.moment, folder), lock.packages)
        return [package for package, is_there in zip(lock.packages, present, strict=True) if not is_there]


def link(packages: Iterable[Package], debs: Path, folder: Path) -> None:
    """Link fetched packages into a folder, under their names at Debian."""
    folder.mkdir(parents=True)
    for package in packages:
        os.link(_file(package, debs), folder / _name(package))


def write_index(packages: Iterable[Package], suite: str, folder: Path) -> None:
    """Make a folder of packages one that APT takes for a suite."""
    stanzas = [_stanza(package, folder / _name(package)) for package in packages]
    (folder / "Packages").write_text("\n".join(stanzas))
    (folder / "Release").write_text(f"Suite: {suite}\nCodename: {suite}\n")


def _file(package: Package, debs: Path) -> Path:
    return debs / f"{package.sha256}.deb"


def _name(package: Package) -> str:
    return package.path.rpartition("/")[2]


def _fetch_one(package: Package, moment: str, debs: Path) -> bool:
    target = _file(package, debs)
    if target.is_file():
        return True
    content = debian_mirror.get(package.path, moment)
    if content is None:
        return False
    if sha256(content).hexdigest() != package.sha256:
        raise ImagesError(
            f"the mirror's {package.path} is not the package that is locked: try again, or another mirror"
        )
    partial = target.with_suffix(".partial")
    partial.write_bytes(content)
    partial.rename(target)
    return True


def _stanza(package: Package, deb: Path) -> str:
    """Return a package's entry of an index."""
    control = subprocess.run(["dpkg-deb", "--field", str(deb)], capture_output=True, text=True, check=False)
    if control.returncode != 0:
        raise ImagesError(f"{deb.name}: {control.stderr.strip()}")
    return f"{control.stdout}Filename: ./{deb.name}\nSize: {deb.stat().st_size}\nSHA256: {package.sha256}\n"
