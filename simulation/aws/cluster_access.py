"""Access to the simulated cluster: certificates, one token, and an `aws` command that returns it."""

import base64
import datetime
import ipaddress
import json
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

_LOOPBACK = "127.0.0.1"
_VALID_DAYS = 2


@dataclass(frozen=True, kw_only=True)
class Access:
    """Files that give access to one simulated cluster, and the administrator's token."""

    folder: Path
    token: str

    @property
    def certificate(self) -> Path:
        """The API server's self-signed certificate."""
        return self.folder / "api-server.crt"

    @property
    def key(self) -> Path:
        """The API server's key; service account tokens are signed with it too."""
        return self.folder / "api-server.key"

    @property
    def tokens(self) -> Path:
        """The API server's list of tokens."""
        return self.folder / "tokens.csv"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.folder / "kubeconfig"

    def authority(self) -> str:
        """Return the certificate authority as EKS returns it."""
        return base64.b64encode(self.certificate.read_bytes()).decode()

    def write_kubeconfig(self, server: str) -> None:
        """Write the administrator's kubeconfig."""
        content: dict[str, Any] = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "simulated",
            "contexts": [{"name": "simulated", "context": {"cluster": "simulated", "user": "simulated"}}],
            "clusters": [
                {
                    "name": "simulated",
                    "cluster": {"server": server, "certificate-authority-data": self.authority()},
                }
            ],
            "users": [{"name": "simulated", "user": {"token": self.token}}],
        }
        self.kubeconfig.write_text(yaml.safe_dump(content))

    def place_aws(self, folder: Path) -> None:
        """Write an `aws` command that only answers `eks get-token`, with the token of this cluster."""
        credential = {
            "apiVersion": "client.authentication.k8s.io/v1beta1",
            "kind": "ExecCredential",
            "spec": {},
            "status": {"token": self.token},
        }
        folder.mkdir(parents=True, exist_ok=True)
        program = folder / "aws"
        program.write_text(
            "#!/bin/sh\n"
            "# Simulated: there is no account behind it.\n"
            f"case \"$*\" in *get-token*) echo '{json.dumps(credential)}';; "
            '*) echo "simulated aws: only eks get-token" >&2; exit 1;; esac\n'
        )
        program.chmod(0o755)


def create(folder: Path) -> Access:
    """Create the certificate, key and token of a new cluster."""
    folder.mkdir(parents=True, exist_ok=True)
    access = Access(folder=folder, token=secrets.token_hex(20))
    # RSA: service account tokens of the controller manager are signed with the same key.
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "plinth simulated cluster")])
    now = datetime.datetime.now(datetime.UTC)
    hosts = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address(_LOOPBACK)), x509.DNSName("localhost")]
    )
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(hours=1))
        .not_valid_after(now + datetime.timedelta(days=_VALID_DAYS))
        .add_extension(hosts, critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    access.certificate.write_bytes(certificate.public_bytes(encoding))
    plain = serialization.NoEncryption()
    access.key.write_bytes(key.private_bytes(encoding, serialization.PrivateFormat.TraditionalOpenSSL, plain))
    access.key.chmod(0o600)
    access.tokens.write_text(f'{access.token},administrator,administrator,"system:masters"\n')
    return access
