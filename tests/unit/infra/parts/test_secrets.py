"""Configuration keys of generated secrets: a stack keeps its values only as long as these stay."""

from infra.parts import SECRET_KEYS
from infra.parts.secrets import GatewayCertificate, Password, WebhookCertificate


def test_a_password_has_one_key_and_a_certificate_three() -> None:
    assert Password(key="onePassword").keys == ("onePassword",)
    certificate = WebhookCertificate(name="hooks", prefix="hook", host=lambda: "hook.svc")
    assert certificate.keys == ("hookAuthority", "hookCertificate", "hookKey")
    assert certificate.names == ("hook.svc",)
    assert GatewayCertificate(names=("a", "b")).keys == (
        "gatewayAuthority",
        "gatewayCertificate",
        "gatewayKey",
    )


def test_keys_are_those_under_which_installed_platforms_keep_their_secrets() -> None:
    assert sorted(SECRET_KEYS) == [
        "databaseAdministratorPassword",
        "deliveryObjectStoreKey",
        "identityClientSecret",
        "identityCookieSecret",
        "identityPassword",
        "metadataDatabasePassword",
        "objectStoreAdministratorKey",
        "pipelinesDatabasePassword",
        "pipelinesObjectStoreKey",
        "queueWebhookAuthority",
        "queueWebhookCertificate",
        "queueWebhookKey",
        "servingObjectStoreKey",
        "trackingDatabasePassword",
        "trackingObjectStoreKey",
        "webhookAuthority",
        "webhookCertificate",
        "webhookKey",
    ]
