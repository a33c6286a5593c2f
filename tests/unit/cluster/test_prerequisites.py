from dataclasses import replace
from pathlib import Path

import pytest

from cluster import prerequisites
from cluster.errors import ClusterError
from cluster.prerequisites import Machine, faults

_GIB = 1024**3
_GOOD = Machine(
    system="Linux",
    processor="x86_64",
    user_id=0,
    python=(3, 11),
    go="go version go1.26.8 linux/amd64",
    free_bytes=30 * _GIB,
    cached_bytes=0,
    folder=Path("/cache"),
)


def test_a_good_machine_has_no_faults() -> None:
    assert faults(_GOOD) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"system": "Darwin"}, "this is Darwin x86_64; use a Linux"),
        ({"processor": "aarch64"}, "this is Linux aarch64; use a Linux x86-64"),
        ({"user_id": 1000}, "this is user 1000; run the command with sudo"),
        ({"python": (3, 12)}, "python3 is 3.12; install 3.11"),
        ({"go": ""}, "there is no go on PATH; unpack it from"),
        ({"go": "go version go1.22.1 linux/amd64"}, "go on PATH is 1.22; unpack 1.26"),
        ({"free_bytes": 3 * _GIB}, "/cache has 3.0 GB; free some, or set PLINTH_CACHE"),
    ],
)
def test_each_missing_thing_is_named_with_its_fix(change: dict[str, object], fault: str) -> None:
    found = faults(replace(_GOOD, **change))
    assert len(found) == 1
    assert fault in found[0]


def test_a_warm_cache_needs_less_free_disk() -> None:
    assert faults(replace(_GOOD, free_bytes=15 * _GIB, cached_bytes=12 * _GIB)) == []


def test_a_newer_go_will_do() -> None:
    assert faults(replace(_GOOD, go="go version go1.27.0 linux/amd64")) == []


def test_all_faults_come_in_one_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prerequisites, "inspect", lambda: replace(_GOOD, user_id=1000, go=""))
    with pytest.raises(ClusterError) as caught:
        prerequisites.ensure(lambda _: None)
    assert "root" in str(caught.value)
    assert "Go 1.26" in str(caught.value)


def test_only_missing_packages_are_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    installed: list[list[str]] = []
    monkeypatch.setattr(prerequisites, "inspect", lambda: _GOOD)
    monkeypatch.setattr(prerequisites, "missing_packages", lambda _: ["socat"])
    monkeypatch.setattr(prerequisites, "_install", installed.append)
    shown: list[str] = []
    prerequisites.ensure(shown.append)
    assert installed == [["socat"]]
    assert shown == ["installing socat"]


def test_what_tests_alone_need_is_not_installed_by_set_up(monkeypatch: pytest.MonkeyPatch) -> None:
    wanted_packages: list[tuple[str, ...]] = []
    monkeypatch.setattr(prerequisites, "inspect", lambda: _GOOD)
    monkeypatch.setattr(
        prerequisites, "missing_packages", lambda wanted: wanted_packages.append(tuple(wanted)) or []
    )
    prerequisites.ensure(lambda _: None)
    prerequisites.ensure(lambda _: None, prerequisites.BROWSER_PACKAGES)
    assert wanted_packages == [prerequisites.PACKAGES, prerequisites.BROWSER_PACKAGES]
    assert not set(prerequisites.PACKAGES) & set(prerequisites.BROWSER_PACKAGES)
