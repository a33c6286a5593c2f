import pulumi_kubernetes as kubernetes

from infra import kubernetes_provider
from tests.fixtures.recorder import deploy


def test_every_provider_takes_changes_in_place() -> None:
    deployment = deploy(lambda: kubernetes_provider.make("here", kubeconfig=None, context="main").urn)
    inputs = deployment.one("pulumi:providers:kubernetes").inputs
    assert inputs["clusterIdentifier"] == "here"
    assert inputs["context"] == "main"
    assert "kubeconfig" not in inputs


def test_the_api_is_reached_at_its_own_addresses_alone() -> None:
    def program() -> None:
        provider = kubernetes_provider.make("here", kubeconfig=None)
        kubernetes.networking.v1.NetworkPolicy(
            "steps",
            metadata={"name": "steps", "namespace": "runs"},
            spec={"pod_selector": {}, "egress": [kubernetes_provider.api_server(provider)]},
        )

    (rule,) = deploy(program).one("NetworkPolicy").inputs["spec"]["egress"]
    assert rule == {
        "to": [{"ipBlock": {"cidr": "10.0.0.7/32"}}],
        "ports": [{"port": 6443, "protocol": "TCP"}],
    }
