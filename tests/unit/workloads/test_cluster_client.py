"""Clients of a cluster's API."""

from pathlib import Path
from typing import Any

from kubernetes import client

from tests.fixtures.stub_cluster import stub_cluster
from workloads import cluster_client


def test_each_client_talks_to_the_cluster_of_its_own_kubeconfig(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    before = client.Configuration.get_default_copy().host
    with stub_cluster(tmp_path / "one") as one, stub_cluster(tmp_path / "two") as two:
        clients = [cluster_client.connect(str(each.kubeconfig)) for each in (one, two)]
        for name, each in zip(("first", "second"), clients, strict=True):
            api: Any = client.CoreV1Api(each)
            api.create_namespace({"metadata": {"name": name}})
        assert (one.changes, two.changes) == (["POST namespaces/first"], ["POST namespaces/second"])
    assert client.Configuration.get_default_copy().host == before
