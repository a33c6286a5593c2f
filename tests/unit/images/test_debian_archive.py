"""Packages are fetched once, compared with their checksum, and indexed for APT."""

import dataclasses
from pathlib import Path

import pytest

from images import ImagesError, debian_archive
from images.debian_lock import Lock, Package
from tests.unit.images.debian import Debian


def _lock(*packages: Package) -> Lock:
    return Lock(moment="20260102T030405Z", packages=packages)


def test_packages_are_fetched_once_and_those_that_are_gone_are_returned(
    mirror: Debian, tmp_path: Path
) -> None:
    there, gone = mirror.publish("there", "1"), mirror.publish("gone", "1")
    del mirror.files[f"/{gone.path}"]
    assert debian_archive.fetch(_lock(there, gone), tmp_path / "debs") == [gone]
    assert debian_archive.fetch(_lock(there), tmp_path / "debs") == []
    assert mirror.asked.count(f"/{there.path}") == 1


def test_another_file_under_the_name_of_a_package_is_refused(mirror: Debian, tmp_path: Path) -> None:
    package = dataclasses.replace(mirror.publish("a", "1"), sha256="0" * 64)
    with pytest.raises(ImagesError, match=r"a_1_all\.deb is not the package that is locked"):
        debian_archive.fetch(_lock(package), tmp_path / "debs")
    assert not list((tmp_path / "debs").iterdir())


def test_apt_gets_an_index_of_a_suite_with_these_packages(mirror: Debian, tmp_path: Path) -> None:
    packages = [mirror.publish("a", "1:2"), mirror.publish("b", "3")]
    debs, folder = tmp_path / "debs", tmp_path / "repository"
    debian_archive.fetch(_lock(*packages), debs)
    debian_archive.link(packages, debs, folder)
    debian_archive.write_index(packages, "bookworm", folder)
    assert sorted(each.name for each in folder.iterdir()) == [
        "Packages",
        "Release",
        "a_2_all.deb",
        "b_3_all.deb",
    ]
    first, second = (folder / "Packages").read_text().split("\n\n")
    assert first.startswith("Package: a\nVersion: 1:2\n")
    size = (folder / "a_2_all.deb").stat().st_size
    assert first.endswith(f"Filename: ./a_2_all.deb\nSize: {size}\nSHA256: {packages[0].sha256}")
    assert second.startswith("Package: b\n")
    assert "Codename: bookworm\n" in (folder / "Release").read_text()
