from infra import kubernetes_provider
from tests.fixtures.recorder import deploy


def test_every_provider_takes_changes_in_place() -> None:
    deployment = deploy(lambda: kubernetes_provider.make("here", kubeconfig=None, context="main").urn)
    inputs = deployment.one("pulumi:providers:kubernetes").inputs
    assert inputs["clusterIdentifier"] == "here"
    assert inputs["context"] == "main"
    assert "kubeconfig" not in inputs
