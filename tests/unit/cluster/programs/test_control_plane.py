import pytest

from cluster.instance import Addresses, Instance
from cluster.programs import audit, control_plane, etcd

pytestmark = pytest.mark.usefixtures("programs")


def test_the_api_server_checks_every_caller(instance: Instance, addresses: Addresses) -> None:
    argv = control_plane.api_server(instance, addresses).argv
    assert "--authorization-mode=Node,RBAC" in argv
    assert "--anonymous-auth=false" in argv
    assert "--service-account-extend-token-expiration=false" in argv
    assert f"--advertise-address={addresses.node_ip}" in argv


def test_the_api_server_keeps_an_audit_log(instance: Instance, addresses: Addresses) -> None:
    argv = control_plane.api_server(instance, addresses).argv
    assert {*audit.flags(instance)} <= {*argv}


def test_the_api_server_starts_after_its_store(instance: Instance, addresses: Addresses) -> None:
    assert control_plane.api_server(instance, addresses).needs == (etcd.CLIENT,)


def test_controllers_write_nothing_to_the_machine(instance: Instance) -> None:
    argv = control_plane.controller_manager(instance, "10.0.0.2:6443").argv
    assert "--flex-volume-plugin-dir=/run/volume-plugins" in argv
    assert "--use-service-account-credentials=true" in argv


def test_one_scheduler_elects_nobody(instance: Instance) -> None:
    assert "--leader-elect=false" in control_plane.scheduler(instance, "10.0.0.2:6443").argv


def test_logs_and_exec_are_allowed_to_the_api_servers_own_user() -> None:
    (binding,) = control_plane.kubelet_access()
    assert binding["roleRef"]["name"] == "system:kubelet-api-admin"
    assert binding["subjects"][0]["name"] == "kube-apiserver-kubelet-client"
