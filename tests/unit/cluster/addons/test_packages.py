from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cluster import pip_settings
from cluster.addons import packages
from cluster.instance import Addresses, Instance
from cluster.pip_settings import PipSettings
from infra.settings import stack_file


@pytest.fixture(autouse=True)
def pip(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pip_settings, "read", lambda: PipSettings(indexes=("https://example.com/simple",)))


@pytest.mark.usefixtures("programs")
def test_the_server_runs_on_the_machines_network_and_the_node_leads_to_it(
    instance: Instance, addresses: Addresses
) -> None:
    server, way = packages.processes(instance, addresses)
    assert (server.host_network, way.host_network) == (True, False)
    socket = Path(server.argv[-1])
    assert socket.parent == instance.folder
    assert way.argv[1:] == (
        "TCP-LISTEN:3141,bind=10.213.0.2,fork,reuseaddr,nodelay,backlog=128",
        f"UNIX-CONNECT:{socket}",
    )


@pytest.mark.usefixtures("programs")
def test_another_setting_of_pip_does_not_restart_a_running_cluster(
    instance: Instance, addresses: Addresses, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = packages.processes(instance, addresses)
    monkeypatch.setattr(pip_settings, "read", lambda: PipSettings(indexes=("https://other/simple",)))
    assert packages.processes(instance, addresses) == before
    settings = Path(before[0].argv[-3])
    assert PipSettings.from_file(settings).indexes == ("https://other/simple",)
    assert "config" not in settings.relative_to(instance.folder).parts


def test_the_service_has_one_endpoint_on_the_node() -> None:
    service, slice_ = packages.manifests("10.213.0.2")
    assert slice_["endpoints"] == [{"addresses": ["10.213.0.2"], "conditions": {"ready": True}}]
    assert slice_["metadata"]["labels"]["kubernetes.io/service-name"] == service["metadata"]["name"]
    assert slice_["ports"] == service["spec"]["ports"]


def test_the_local_stack_names_the_index_that_the_cluster_serves() -> None:
    chosen = stack_file.settings("local").pipelines
    assert chosen.package_index == packages.URL
    assert urlsplit(packages.URL).port == packages.PORT
