"""A certificate with which a server of the cluster proves its name, and the Secret that holds it."""

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes.owner import Owner

CHAIN = "tls.crt"
"""Key of the certificate in the Secret, as Kubernetes names it."""
KEY = "tls.key"
"""Key of its private key."""


@dataclass(frozen=True, kw_only=True)
class ServerCertificate:
    """What a server serves, and what its clients trust; all as PEM."""

    authority: pulumi.Input[str]
    certificate: pulumi.Input[str]
    """Issued for the names by which clients call the server."""
    key: pulumi.Input[str]

    def deploy(self, owner: Owner, name: str) -> kubernetes.core.v1.Secret:
        """Create the Secret with the certificate and its key."""
        return kubernetes.core.v1.Secret(
            f"{owner.component}-certificate",
            metadata=owner.metadata(name),
            type="kubernetes.io/tls",
            string_data={CHAIN: self.certificate, KEY: pulumi.Output.secret(self.key)},
            opts=owner.child(),
        )
