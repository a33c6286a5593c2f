import json
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cluster import namespaces, native, network, pip_settings
from cluster.addons import packages
from cluster.errors import ClusterError
from cluster.instance import ENGINE_MARK, Addresses, Endpoints, Instance
from cluster.native import NativeCluster
from cluster.pip_settings import PipSettings
from harness import processes


@pytest.fixture
def plan(instance: Instance, programs: None, addresses: Addresses) -> Callable[[], Any]:
    return lambda: NativeCluster("test")._plan(addresses)  # pyright: ignore[reportPrivateUsage]


def test_the_plan_runs_everything_a_cluster_needs(plan: Callable[[], Any]) -> None:
    assert {process.name for process in plan().processes} >= {
        *("etcd", "registry", "containerd", "kube-apiserver", "kube-controller-manager", "kube-scheduler"),
        *("kubelet", "kube-proxy", "kube-router", "local-path-provisioner"),
        *("forward-gateway", "forward-api", "forward-registry"),
    }


def test_forwarders_and_the_package_index_alone_run_in_the_machines_network(plan: Callable[[], Any]) -> None:
    outside = {process.name for process in plan().processes if process.host_network}
    assert outside == {"forward-gateway", "forward-api", "forward-registry", "package-index"}


def test_planning_twice_changes_nothing(plan: Callable[[], Any]) -> None:
    assert plan().digest() == plan().digest()


def test_another_checkout_plans_the_same(
    plan: Callable[[], Any], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody with two checkouts must not restart the cluster of one by `up` in the other."""
    monkeypatch.setattr(pip_settings, "read", PipSettings)
    before = plan()
    monkeypatch.setattr(sys, "executable", str(tmp_path / ".venv/bin/python"))
    monkeypatch.setattr(packages, "__file__", str(tmp_path / "cluster/addons/packages.py"))
    after = plan()
    assert str(tmp_path) in after.text()
    assert after.text() != before.text()
    assert after.digest() == before.digest()


def test_a_changed_configuration_file_is_a_new_plan(plan: Callable[[], Any], instance: Instance) -> None:
    before = plan().digest()
    (instance.folder / "config" / "extra").write_text("new")
    assert plan().digest() != before


def test_addresses_stay_for_the_life_of_an_instance(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "machine_routes", list[Any])
    first = NativeCluster("test")._addresses()  # pyright: ignore[reportPrivateUsage]
    second = NativeCluster("test")._addresses()  # pyright: ignore[reportPrivateUsage]
    assert first == second
    assert len({first.gateway_port, first.api_port, first.registry_port}) == 3


def test_an_engine_that_a_killed_command_left_ends_with_the_cluster(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(NativeCluster, "_clean", lambda _: None)
    run = instance.folder / "pulumi" / "runs" / "one"
    run.mkdir(parents=True)
    with processes.started(["/bin/sleep", "60"], {ENGINE_MARK: str(run)}) as engine:
        # Reaped at once, as init does for what has lost its parent.
        reaper = threading.Thread(target=engine.wait)
        reaper.start()
        NativeCluster("test").delete()
        reaper.join(10)
        assert engine.poll() is not None
    assert not instance.folder.exists()


def test_a_process_that_keeps_ending_ends_the_wait_with_its_last_words(
    instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = {"state": "restarting", "restarts": 6, "last_exit": "exit 1 at 10:00:00"}
    status = namespaces.Status(plan="p", started=0.0, processes={"etcd": entry})
    monkeypatch.setattr(namespaces, "read_status", lambda _: status)
    monkeypatch.setattr(namespaces, "holder", lambda _: 1)
    instance.logs.mkdir(parents=True)
    (instance.logs / "etcd.log").write_text("first\ndisk is full\n")
    with pytest.raises(ClusterError, match=r"etcd keeps ending .*: disk is full; see "):
        NativeCluster("test")._fail_if_hopeless()  # pyright: ignore[reportPrivateUsage]


def test_without_root_the_fix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(native.os, "geteuid", lambda: 1000)
    with pytest.raises(ClusterError, match="needs root"):
        NativeCluster("test").create()


@pytest.mark.usefixtures("programs")
def test_a_healthy_cluster_gets_changed_addons_and_nothing_else(
    instance: Instance, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    applied: list[Instance] = []
    endpoints = Endpoints(kubeconfig="k", api="a", gateway="g", registry="r", node_ip=addresses.node_ip)
    instance.keep(addresses)
    instance.endpoints_file.write_text(endpoints.text())
    monkeypatch.setattr(native.os, "geteuid", lambda: 0)
    monkeypatch.setattr(native.registry, "require", lambda _: None)
    monkeypatch.setattr(native.certificates, "create", lambda *_: None)
    monkeypatch.setattr(native.addons, "apply", applied.append)
    monkeypatch.setattr(NativeCluster, "_addresses", lambda _: addresses)
    monkeypatch.setattr(NativeCluster, "_is_current", lambda *_: True)
    monkeypatch.setattr(NativeCluster, "faults", lambda _: [])
    assert NativeCluster("test").create() == endpoints
    assert applied == [instance]


def test_delete_works_on_an_instance_of_which_little_was_made(instance: Instance) -> None:
    instance.folder.mkdir(parents=True)
    (instance.folder / "instance.json").write_text("{ damaged")
    NativeCluster("test").delete()
    assert not instance.folder.exists()
    NativeCluster("test").delete()


def test_a_cluster_that_is_down_says_so(instance: Instance) -> None:
    assert NativeCluster("test").faults() == ["cluster 'test' is not running"]


def test_uptime_is_for_people() -> None:
    now = native.time.time()
    assert native.uptime(now - 61) == "1 min 1 s"
    assert native.uptime(now - 7260) == "2 h 1 min"


def test_a_report_is_read_as_it_was_written(instance: Instance, tmp_path: Path) -> None:
    instance.folder.mkdir(parents=True)
    instance.status.write_text(json.dumps({"plan": "p", "started": 5.0, "processes": {}}))
    assert namespaces.read_status(instance) == namespaces.Status(plan="p", started=5.0, processes={})
