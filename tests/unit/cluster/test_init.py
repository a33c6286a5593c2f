from pathlib import Path

import pytest

from cluster import init
from cluster.processes import Network


def test_the_machine_cannot_be_reached_past_the_cluster(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(init, "_run", lambda *argv: ran.append(" ".join(argv)))
    monkeypatch.setattr(init, "_NAMESPACED_SETTINGS", {})
    monkeypatch.setattr(init, "wait_for", lambda *_, **__: None)
    init._join_network(  # pyright: ignore[reportPrivateUsage]
        Network(link="l", host_ip="10.0.0.1", node_ip="10.0.0.2", prefix=30, service_cidr="10.96.0.0/16")
    )
    assert "ip address add 10.0.0.2/30 dev eth0" in ran
    assert "ip route add unreachable default" in ran


def test_folders_that_must_stay_visible_are_shown_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    ran: list[str] = []
    monkeypatch.setattr(init, "_run", lambda *argv: ran.append(" ".join(argv)))
    init._replace(tmp_path, [tmp_path / "kept" / "cache", Path("/elsewhere")])  # pyright: ignore[reportPrivateUsage]
    assert f"mount --rbind /mnt/kept {tmp_path}/kept" in ran
    assert ran[-1] == "umount --lazy /mnt"


def test_a_folder_with_nothing_to_keep_is_just_empty(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    ran: list[str] = []
    monkeypatch.setattr(init, "_run", lambda *argv: ran.append(" ".join(argv)))
    init._replace(tmp_path, [Path("/elsewhere")])  # pyright: ignore[reportPrivateUsage]
    assert ran == [f"mount -t tmpfs -o mode=755 plinth {tmp_path}"]
