"""The cluster of this machine: never whatever cluster ~/.kube/config happens to name."""

from pathlib import Path

import pytest

from cluster.instance import Instance
from infra import machine
from infra.errors import SettingsError


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PLINTH_CACHE", str(tmp_path))
    monkeypatch.setenv("PLINTH_INSTANCE", "mine")
    monkeypatch.delenv("KUBECONFIG", raising=False)


def test_it_is_that_of_the_instance() -> None:
    path = Instance("mine").kubeconfig
    path.parent.mkdir(parents=True)
    path.write_text("content")
    assert machine.kubeconfig() == "content"


def test_a_users_kubeconfig_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBECONFIG", "/of-this-user")
    assert machine.kubeconfig() is None


def test_without_either_the_ways_to_get_one_are_named() -> None:
    with pytest.raises(SettingsError, match=r"^cluster 'mine' of this machine is not there: run `make clust"):
        machine.kubeconfig()
