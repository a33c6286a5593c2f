from pathlib import Path

import pytest

from cluster import cgroups
from cluster.errors import ClusterError

_HYBRID = """\
tmpfs /sys/fs/cgroup tmpfs rw 0 0
cgroup /sys/fs/cgroup/cpu cgroup rw,cpu 0 0
cgroup /sys/fs/cgroup/cpuset cgroup rw,cpuset 0 0
cgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0
/dev/vda / ext4 rw 0 0
"""


def test_every_hierarchy_counts() -> None:
    assert [path.name for path in cgroups.hierarchies(_HYBRID)] == ["cpu", "cpuset", "unified"]


def test_a_pure_version_2_machine_has_one() -> None:
    assert cgroups.hierarchies("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n") == [Path("/sys/fs/cgroup")]


def test_a_new_cpuset_gets_the_processors_of_its_parent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cpuset.cpus").write_text("0-1\n")
    (tmp_path / "cpuset.mems").write_text("0\n")
    own = tmp_path / "plinth-x"
    own.mkdir()
    (own / "cpuset.cpus").write_text("\n")
    (own / "cpuset.mems").write_text("\n")
    monkeypatch.setattr(cgroups, "_mounted", lambda: [tmp_path])
    cgroups.create("plinth-x")
    assert (own / "cpuset.cpus").read_text() == "0-1\n"
    assert (own / "cpuset.mems").read_text() == "0\n"


def test_a_machine_without_cgroups_gets_the_fix_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "_mounted", list[Path])
    with pytest.raises(ClusterError, match="mount cgroup2"):
        cgroups.create("plinth-x")


def test_roots_are_removed_bottom_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plinth-x" / "pod" / "container").mkdir(parents=True)
    monkeypatch.setattr(cgroups, "_mounted", lambda: [tmp_path])
    cgroups.remove("plinth-x")
    assert cgroups.present("plinth-x") == []
