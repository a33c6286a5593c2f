from dataclasses import replace
from pathlib import Path

import pytest

from cluster.instance import Instance
from harness import leftovers, processes
from harness.leftovers import Snapshot, left_behind

_NOTHING = frozenset[str]()
_CLEAN = Snapshot(*[_NOTHING] * 9)


def test_only_what_is_new_was_left_behind() -> None:
    before = replace(_CLEAN, links=frozenset({"lo"}), rules=frozenset({"old"}))
    after = replace(_CLEAN, links=frozenset({"lo", "plinth0"}))
    assert left_behind(before, after) == {"links": ["plinth0"]}


def test_traces_of_other_instances_do_not_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    own, other = Instance("own"), Instance("other")
    names = (own.link, own.cgroup)
    assert not leftovers._of_others(f"/sys/fs/cgroup/cpu/{own.cgroup}", names)  # pyright: ignore[reportPrivateUsage]
    assert not leftovers._of_others("eth0", names)  # pyright: ignore[reportPrivateUsage]
    assert leftovers._of_others(f"/sys/fs/cgroup/cpu/{other.cgroup}", names)  # pyright: ignore[reportPrivateUsage]
    assert leftovers._of_others(f"10.0.0.0/30 dev {other.link} scope link", names)  # pyright: ignore[reportPrivateUsage]


def test_a_process_is_found_by_what_it_carries(tmp_path: Path) -> None:
    with processes.started(["/bin/sleep", "60"], {"MARK": str(tmp_path)}) as process:
        found = leftovers._processes((str(tmp_path),))  # pyright: ignore[reportPrivateUsage]
        assert [name.split()[0] for name in found] == [str(process.pid)]
