import json
from pathlib import Path

import pytest

from cluster import existing
from cluster.errors import ClusterError
from cluster.existing import ExistingCluster
from cluster.instance import Instance

_VIEW = json.dumps({"clusters": [{"cluster": {"server": "https://c:6443"}}]})


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(existing, "kubectl", lambda: Path("kubectl"))
    path = tmp_path / "config"
    path.write_text("{}")
    return path


def test_a_reachable_cluster_is_noted(
    kubeconfig: Path, instance: Instance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(existing, "run", lambda *_, **__: _VIEW)
    endpoints = ExistingCluster("test", kubeconfig).create()
    assert (endpoints.api, endpoints.kubeconfig) == ("https://c:6443", str(kubeconfig))
    assert instance.endpoints() == endpoints


def test_an_unreachable_cluster_is_one_error(kubeconfig: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> str:
        raise ClusterError("connection refused")

    monkeypatch.setattr(existing, "run", refuse)
    with pytest.raises(ClusterError, match=r"does not answer .connection refused.: check the address"):
        ExistingCluster("test", kubeconfig).create()


def test_a_missing_kubeconfig_is_named(tmp_path: Path) -> None:
    with pytest.raises(ClusterError, match="none does not exist"):
        ExistingCluster("test", tmp_path / "none").create()


def test_delete_leaves_the_cluster_and_its_kubeconfig(kubeconfig: Path, instance: Instance) -> None:
    ExistingCluster("test", kubeconfig).delete()
    assert kubeconfig.exists()
    assert not instance.endpoints_file.exists()
