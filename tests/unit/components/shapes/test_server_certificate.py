import pulumi

from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate
from tests.fixtures.recorder import deploy
from tests.unit.components import rules

CERTIFICATE = ServerCertificate(authority="the authority", certificate="the certificate", key="the key")


def test_the_secret_is_one_of_tls_and_its_key_is_encrypted() -> None:
    def program() -> None:
        component = pulumi.ComponentResource("plinth:index:Server", "server")
        owner = Owner.of_product(component, "server", "here", product="server", role="server")
        CERTIFICATE.deploy(owner, "server-certificate")

    deployment = deploy(program)
    secret = deployment.one("Secret", "server-certificate").inputs
    assert secret["type"] == "kubernetes.io/tls"
    assert secret["metadata"]["namespace"] == "here"
    assert "the certificate" in str(secret["stringData"])
    rules.assert_no_secret_in_clear(deployment, "the key")
