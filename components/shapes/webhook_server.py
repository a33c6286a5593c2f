"""The objects around a controller with admission webhooks: certificate, Service and configurations."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes import cluster_service
from components.shapes.owner import Owner
from components.shapes.server_certificate import ServerCertificate

PORT = 9443
# By "kind name".
Webhooks = Mapping[str, list[dict[str, Any]]]


def host(service: str, namespace: str) -> str:
    """Return the host name that the webhooks' certificate must be for."""
    return f"{service}.{namespace}.svc"


def call(webhook: dict[str, Any], *, service: str, namespace: str, ca: str) -> None:
    """Point an upstream webhook at our Service and make it trust our certificate authority (PEM)."""
    webhook["clientConfig"]["caBundle"] = base64.b64encode(ca.encode()).decode()
    webhook["clientConfig"]["service"].update(name=service, namespace=namespace)


def startup_probe() -> kubernetes.core.v1.ProbeArgsDict:
    """Return the probe that keeps a controller unready until its webhooks listen.

    Its health endpoint answers earlier, and the objects that are created next need the webhooks.
    """
    return {"tcp_socket": {"port": PORT}, "period_seconds": 1, "failure_threshold": 120}


@dataclass(frozen=True, kw_only=True)
class WebhookServer:
    """The webhooks of one controller and the certificate that they serve."""

    service: str
    """Name of the Service that the API server calls."""
    secret: str
    """Name of the Secret that holds the certificate."""
    certificate: ServerCertificate
    """Issued for `host(service, namespace)`."""
    webhooks: Callable[[str, str], Webhooks]
    """Renders the webhooks for a namespace and a certificate authority (PEM)."""
    resource: Callable[[str, str], str]
    """Suffix of a configuration's Pulumi name, for its name and role ("defaults" or "checks")."""

    def create_certificate(self, owner: Owner) -> kubernetes.core.v1.Secret:
        """Create the Secret with the certificate and its key."""
        return self.certificate.deploy(owner, self.secret)

    def create_service(self, owner: Owner) -> kubernetes.core.v1.Service:
        """Create the Service that the API server calls."""
        ports = {"webhook": (443, PORT)}
        return cluster_service.deploy(owner, self.service, ports, resource="webhook-service")

    def register(self, owner: Owner, after: Sequence[pulumi.Resource]) -> list[pulumi.Resource]:
        """Register the webhooks with the API server, once these resources can answer its first call."""
        kinds: Mapping[str, Any] = {
            "MutatingWebhookConfiguration": kubernetes.admissionregistration.v1.MutatingWebhookConfiguration,
            "ValidatingWebhookConfiguration": (
                kubernetes.admissionregistration.v1.ValidatingWebhookConfiguration
            ),
        }
        known = pulumi.Output.all(owner.namespace, self.certificate.authority)
        created: list[pulumi.Resource] = []
        for key in self.webhooks("", ""):
            kind, name = key.split()
            role = "defaults" if kind.startswith("Mutating") else "checks"
            configuration = kinds[kind](
                f"{owner.component}-{self.resource(name, role)}",
                metadata=owner.cluster_metadata(name),
                webhooks=known.apply(lambda pair, key=key: self.webhooks(pair[0], pair[1])[key]),
                opts=owner.child(after),
            )
            created.append(configuration)
        return created
