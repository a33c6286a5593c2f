import pytest

from cluster import choice
from cluster.errors import ClusterError
from cluster.existing import ExistingCluster
from cluster.native import NativeCluster


def _silent(_: str) -> None:
    pass


@pytest.mark.parametrize(
    ("kind", "kubeconfig", "docker", "expected"),
    [
        ("auto", None, False, "native"),
        ("auto", None, True, "kind"),
        ("auto", "config", True, "existing"),
        ("native", "config", True, "native"),
        ("kind", None, False, "kind"),
    ],
)
def test_auto_takes_the_best_that_the_machine_offers(
    monkeypatch: pytest.MonkeyPatch, kind: str, kubeconfig: str | None, docker: bool, expected: str
) -> None:
    monkeypatch.setattr(choice, "docker_works", lambda: docker)
    monkeypatch.setattr(choice.shutil, "which", lambda program: f"/bin/{program}")
    assert choice.resolve(kind, kubeconfig) == expected


def test_a_docker_client_without_a_daemon_does_not_count(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(choice.shutil, "which", lambda _: "/bin/false")
    monkeypatch.setattr(choice.subprocess, "run", lambda *_, **__: choice.subprocess.CompletedProcess([], 1))
    assert not choice.docker_works()


def test_an_unknown_kind_lists_the_known_ones() -> None:
    with pytest.raises(ClusterError, match="CLUSTER=docker: use one of auto, native, kind, existing"):
        choice.resolve("docker", None)


def test_each_kind_gives_its_cluster() -> None:
    assert isinstance(choice.choose("native", "test", None, {}, _silent), NativeCluster)
    assert isinstance(choice.choose("existing", "test", "config", {}, _silent), ExistingCluster)
    with pytest.raises(ClusterError, match="PLINTH_KUBECONFIG"):
        choice.choose("existing", "test", None, {}, _silent)
