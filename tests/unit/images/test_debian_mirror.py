"""The mirror is that of this machine's APT; what it no longer has may be in a service of snapshots."""

import sys
from pathlib import Path

import pytest

from images import ImagesError, debian_mirror
from tests.unit.images.debian import Debian

MOMENT = "20260102T030405Z"


@pytest.mark.usefixtures("mirror")
def test_a_file_is_found_under_the_path_that_debian_gave_it(mirror: Debian) -> None:
    package = mirror.publish("c++", "1:1.0+b1")
    assert debian_mirror.path_of(f"{mirror.address}/debian/pool/c%2b%2b_1.0%2bb1_all.deb") == package.path
    assert debian_mirror.get(package.path, MOMENT) == mirror.files[f"/{package.path}"]
    assert debian_mirror.get("debian/pool/none_1_all.deb", MOMENT) is None


def test_what_is_gone_is_asked_of_the_service_of_snapshots_as_of_the_moment(
    mirror: Debian, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PLINTH_DEBIAN_SNAPSHOTS", f"{mirror.address}/archive/")
    mirror.files[f"/archive/debian/{MOMENT}/pool/a_1_all.deb"] = b"old"
    assert debian_mirror.get("debian/pool/a_1_all.deb", MOMENT) == b"old"
    assert mirror.asked[0] == "/debian/pool/a_1_all.deb"
    assert debian_mirror.get("debian/pool/b_1_all.deb", MOMENT) is None


def test_a_mirror_that_fails_is_asked_again_and_then_named(mirror: Debian) -> None:
    mirror.status["/debian/pool/a"] = 503
    with pytest.raises(ImagesError, match=r"/debian/pool/a: HTTP Error 503.*: check the network"):
        debian_mirror.get("debian/pool/a", MOMENT)
    assert len(mirror.asked) == 3


@pytest.mark.parametrize(
    ("output", "address"),
    [
        ("'http://a.example/debian/dists/bookworm/InRelease' a 0", "http://a.example"),
        ("'https://b.example/x/debian-security/dists/s/InRelease' a 0", "https://b.example/x"),
        ("'http://c.example/ubuntu/dists/noble/InRelease' a 0", None),
    ],
)
def test_the_mirror_is_that_of_apt(
    output: str, address: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "apt-get"
    program.write_text(f"#!{sys.executable} -IS\nprint({output!r})\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PLINTH_DEBIAN_MIRROR", raising=False)
    debian_mirror.address.cache_clear()
    try:
        if address is None:
            with pytest.raises(ImagesError, match="uses no mirror of Debian: set PLINTH_DEBIAN_MIRROR"):
                debian_mirror.address()
        else:
            assert debian_mirror.address() == address
    finally:
        debian_mirror.address.cache_clear()


def test_security_updates_are_among_the_sources(mirror: Debian) -> None:
    lines = debian_mirror.sources("bookworm", "[x]").splitlines()
    assert lines[0] == f"deb [x] {mirror.address}/debian bookworm main"
    assert lines[2] == f"deb [x] {mirror.address}/debian-security bookworm-security main"
