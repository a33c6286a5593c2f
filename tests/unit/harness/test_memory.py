"""Memory by component."""

import os

import pytest

from harness import memory

pytestmark = pytest.mark.unit

POD = "9:memory:/plinth-x/kubepods/burstable/pod0f9c5a4e-6f0e-4b43-9a86-1c6a2d3e4f50/abc\n"


def test_a_process_of_a_pod_is_known_by_its_cgroup() -> None:
    assert memory.pod_uid(POD) == "0f9c5a4e-6f0e-4b43-9a86-1c6a2d3e4f50"
    assert memory.pod_uid("9:memory:/plinth-x/system\n") is None


def test_sizes_are_read_in_mebibytes() -> None:
    rollup = "00400000-7ffe rw-p 0 00:00 0 [rollup]\nRss:  2048 kB\nPss:  1024 kB\nPss_Anon: 512 kB\n"
    assert memory.sizes(rollup) == (2.0, 1.0)


def test_this_process_is_measured_and_a_gone_one_left_out() -> None:
    gone = 2**22 + 1
    rows = memory.by_component([os.getpid(), gone], lambda uid: uid)
    assert len(rows) == 1
    assert 5 < rows[0].proportional <= rows[0].resident
