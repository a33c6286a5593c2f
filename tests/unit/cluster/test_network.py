import ipaddress
import json
from pathlib import Path

import pytest

from cluster import network
from cluster.cidrs import NODE_POD_CIDR, SERVICE_CIDR
from cluster.errors import ClusterError
from cluster.instance import Instance

_EVERYTHING = ipaddress.IPv4Network("10.213.0.0/16")


def test_a_link_takes_a_network_of_its_own() -> None:
    first = network.free_link("00000000", [])
    assert first == ("10.213.0.1", "10.213.0.2")
    taken = [ipaddress.IPv4Network("10.213.0.0/30")]
    assert network.free_link("00000000", taken) == ("10.213.0.5", "10.213.0.6")


def test_the_last_network_is_followed_by_the_first() -> None:
    taken = [ipaddress.IPv4Network("10.213.255.252/30")]
    assert network.free_link(f"{2**14 - 1:x}", taken) == ("10.213.0.1", "10.213.0.2")


def test_no_free_network_is_an_error_that_names_them() -> None:
    with pytest.raises(ClusterError, match=r"10\.213\.0\.0/16"):
        network.free_link("00000000", [_EVERYTHING])


def test_pods_get_addresses_from_the_nodes_range(tmp_path: Path) -> None:
    network.write_cni(tmp_path)
    chain = json.loads((tmp_path / "10-plinth.conflist").read_text())
    assert chain["plugins"][0]["ipam"]["ranges"] == [[{"subnet": NODE_POD_CIDR}]]
    assert chain["plugins"][0]["ipam"]["dataDir"].startswith("/run/")


@pytest.mark.usefixtures("programs")
def test_only_the_firewall_of_kube_router_runs(instance: Instance) -> None:
    argv = network.kube_router(instance, "10.0.0.2:6443").argv
    assert {"--run-firewall=true", "--run-router=false", "--run-service-proxy=false"} <= set(argv)
    assert f"--service-cluster-ip-range={SERVICE_CIDR}" in argv


@pytest.mark.usefixtures("programs")
def test_kube_proxy_uses_nftables_and_leaves_the_machines_limits_alone(instance: Instance) -> None:
    network.kube_proxy(instance, "10.0.0.2:6443")
    config = json.loads((instance.folder / "config" / "kube-proxy.json").read_text())
    assert config["mode"] == "nftables"
    assert config["conntrack"] == {"maxPerCore": 0, "min": 0}
