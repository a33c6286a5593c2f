import pytest

from cluster.addons import dns
from cluster.cidrs import DNS_SERVICE_IP


@pytest.mark.usefixtures("programs")
def test_dns_answers_on_the_address_that_pods_are_given() -> None:
    manifests = dns.manifests()
    service = next(item for item in manifests if item["kind"] == "Service")
    assert service["spec"]["clusterIP"] == DNS_SERVICE_IP
    # Policies match the pod's own port, so both must be 53.
    assert {port["targetPort"] for port in service["spec"]["ports"]} == {53}


@pytest.mark.usefixtures("programs")
def test_a_name_outside_the_cluster_fails_at_once() -> None:
    (configuration,) = (item for item in dns.manifests() if item["kind"] == "ConfigMap")
    assert "forward" not in configuration["data"]["Corefile"]


@pytest.mark.usefixtures("programs")
def test_new_configuration_means_new_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    def annotations() -> dict[str, str]:
        (deployment,) = (item for item in dns.manifests() if item["kind"] == "Deployment")
        return deployment["spec"]["template"]["metadata"]["annotations"]

    before = annotations()
    monkeypatch.setattr(dns, "_COREFILE", ".:53 {\n}\n")
    assert annotations() != before
