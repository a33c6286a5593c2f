"""The cluster's provider: set so that neither a moved kubeconfig nor changed data replaces objects."""

from pathlib import Path

from infra import target
from infra import settings
from infra.settings import Settings
from tests.harness.recorder import deploy


def test_the_provider_is_pinned_to_the_cluster_not_to_its_kubeconfig() -> None:
    settings = ClusterSettings(kind="kubeconfig", name="local")
    deployment = deploy(lambda: target.connect(settings).name)
    inputs = deployment.one("pulumi:providers:kubernetes").inputs
    assert inputs["clusterIdentifier"] == "local"
    assert "kubeconfig" not in inputs
    for key in ("enableServerSideApply", "enableConfigMapMutable", "enableSecretMutable"):
        assert inputs[key] in (True, "true"), key


def test_a_kubeconfig_of_the_stack_is_read(tmp_path: Path) -> None:
    path = tmp_path / "config"
    path.write_text("apiVersion: v1\n")
    settings = ClusterSettings(kind="kubeconfig", name="mine", kubeconfig=str(path), context="other")
    deployment = deploy(lambda: target.connect(settings).name)
    inputs = deployment.one("pulumi:providers:kubernetes").inputs
    assert inputs["kubeconfig"] == "apiVersion: v1\n"
    assert inputs["context"] == "other"
