import pytest

from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from tests.fixtures.recorder import deploy
from tests.unit.components import rules


@pytest.mark.parametrize("preview", [False, True])
def test_a_namespace_is_closed_and_enforces_its_level_before_anyone_uses_it(preview: bool) -> None:
    args = PlatformNamespaceArgs(namespace="kubeflow", pod_security="baseline", labels={"team": "ml"})
    deployment = deploy(lambda: PlatformNamespace("pipelines", args), preview=preview)
    rules.assert_children_of_one_component(deployment, "PlatformNamespace")
    rules.assert_labelled(deployment)
    labels = deployment.one("Namespace").inputs["metadata"]["labels"]
    assert labels["pod-security.kubernetes.io/enforce"] == "baseline"
    assert labels["team"] == "ml"
    policy = deployment.one("NetworkPolicy")
    assert policy.inputs["spec"]["policyTypes"] == ["Ingress", "Egress"]
    assert rules.before(deployment, policy) == {"pipelines-namespace"}
    assert deployment.output("pipelines") == {"namespace": "kubeflow"}


@pytest.mark.parametrize("name", ["default", "kube-system"])
def test_kubernetes_own_namespaces_are_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"namespace: '{name}' belongs to Kubernetes"):
        PlatformNamespaceArgs(namespace=name)
