import pytest

from cluster.addons import metrics

pytestmark = pytest.mark.usefixtures("programs")


def test_the_api_is_registered_with_the_service_that_serves_it() -> None:
    manifests = metrics.manifests()
    service = next(item for item in manifests if item["kind"] == "Service")
    registration = next(item for item in manifests if item["kind"] == "APIService")
    assert registration["spec"]["service"] == {
        "name": service["metadata"]["name"],
        "namespace": service["metadata"]["namespace"],
    }


def test_every_binding_names_the_account_that_the_pod_uses() -> None:
    manifests = metrics.manifests()
    deployment = next(item for item in manifests if item["kind"] == "Deployment")
    account = deployment["spec"]["template"]["spec"]["serviceAccountName"]
    bindings = [item for item in manifests if item["kind"].endswith("Binding")]
    assert len(bindings) == 3
    assert {binding["subjects"][0]["name"] for binding in bindings} == {account}


def test_the_pod_meets_the_restricted_standard() -> None:
    deployment = next(item for item in metrics.manifests() if item["kind"] == "Deployment")
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    context = container["securityContext"]
    assert context["runAsNonRoot"]
    assert context["allowPrivilegeEscalation"] is False
    assert context["capabilities"] == {"drop": ["ALL"]}
    assert context["seccompProfile"] == {"type": "RuntimeDefault"}
