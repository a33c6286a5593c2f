import json

import pytest

from cluster.instance import Addresses, Instance
from cluster.programs import kubelet

pytestmark = pytest.mark.usefixtures("programs")


def _config(instance: Instance, addresses: Addresses) -> dict[str, object]:
    kubelet.process(instance, addresses, "10.213.0.2:6443")
    return json.loads((instance.folder / "config" / "kubelet.json").read_text())


def test_pods_live_in_the_instances_own_cgroup(instance: Instance, addresses: Addresses) -> None:
    config = _config(instance, addresses)
    assert config["cgroupRoot"] == f"/{instance.cgroup}"
    assert config["failCgroupV1"] is False


def test_a_full_disk_of_the_machine_evicts_no_pod(instance: Instance, addresses: Addresses) -> None:
    config = _config(instance, addresses)
    assert config["evictionHard"] == {
        "memory.available": "100Mi",
        "nodefs.available": "0%",
        "imagefs.available": "0%",
    }
    assert config["imageGCHighThresholdPercent"] == 100


def test_a_pod_that_forks_without_end_stops_itself(instance: Instance, addresses: Addresses) -> None:
    assert _config(instance, addresses)["podPidsLimit"] == 1024


def test_nobody_unknown_may_talk_to_the_kubelet(instance: Instance, addresses: Addresses) -> None:
    config = _config(instance, addresses)
    assert config["authentication"]["anonymous"] == {"enabled": False}  # type: ignore[index]
    assert config["authorization"] == {"mode": "Webhook"}


def test_it_starts_after_the_runtime_and_the_api(instance: Instance, addresses: Addresses) -> None:
    process = kubelet.process(instance, addresses, "10.213.0.2:6443")
    assert process.needs == ("/run/containerd/containerd.sock", "10.213.0.2:6443")
    assert f"--node-ip={addresses.node_ip}" in process.argv
