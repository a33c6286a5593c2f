from pathlib import Path

import pytest

from cluster.errors import ClusterError
from cluster.instance import Addresses, Endpoints, Instance
from upstream.cache import write_atomically


@pytest.mark.parametrize("name", ["", "Default", "a_b", "-a", "a-", "a" * 31, "../x", "a/b"])
def test_a_name_that_cannot_be_a_node_or_folder_is_refused(name: str) -> None:
    with pytest.raises(ClusterError, match="--name"):
        Instance(name)


def test_a_link_name_fits_the_kernels_limit(instance: Instance) -> None:
    assert len(instance.link) <= 15


def test_equal_names_in_two_caches_share_nothing_global(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "a"))
    first = (Instance("x").link, Instance("x").cgroup)
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path / "b"))
    assert not set(first) & {Instance("x").link, Instance("x").cgroup}


def test_the_lock_outlives_the_folder_that_down_deletes(instance: Instance) -> None:
    assert not instance.lock.is_relative_to(instance.folder)


def test_addresses_are_kept(instance: Instance, addresses: Addresses) -> None:
    assert instance.addresses() is None
    instance.keep(addresses)
    assert instance.addresses() == addresses


def test_damaged_addresses_name_the_way_out(instance: Instance) -> None:
    write_atomically(instance.folder / "instance.json", "{")
    with pytest.raises(ClusterError, match="run `python -m cluster down --name test`"):
        instance.addresses()


def test_endpoints_exist_only_once_the_cluster_is_up(instance: Instance) -> None:
    with pytest.raises(ClusterError, match="run `python -m cluster up --name test`"):
        instance.endpoints()
    endpoints = Endpoints(kubeconfig="k", api="a", gateway="g", registry="r", node_ip="n")
    write_atomically(instance.endpoints_file, endpoints.text())
    assert instance.endpoints() == endpoints
