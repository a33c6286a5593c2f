"""Access to the object store: what accounts may do with buckets, and which network they need."""

from collections.abc import Sequence
from typing import Final

import pulumi

from components.connections import ObjectStoreConnection
from components.shapes import network_policies

LIST: Final = ("s3:ListBucket", "s3:GetBucketLocation", "s3:ListBucketMultipartUploads")
"""Actions on a bucket of whoever reads it. Nobody who uses a bucket may delete it or change its policy."""
READ: Final = ("s3:GetObject",)
"""Actions on the objects of whoever reads them."""
WRITE: Final = ("s3:PutObject", "s3:DeleteObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts")
"""Further actions on the objects of whoever owns them."""


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """Split `host:port`.

    Raises:
        ValueError: host or port is missing.
    """
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"artifacts.endpoint: {endpoint!r}; give host:port")
    return host, port


def egress(
    artifacts: ObjectStoreConnection, stores: Sequence[network_policies.Peer]
) -> list[network_policies.EgressRule]:
    """Return the rules that let pods reach a bucket.

    With keys, that is these peers; without keys, S3 and the agent that hands out credentials. The addresses
    of S3 change and cover much of the internet: only its port can be named.
    """
    port = pulumi.Output.from_input(artifacts.endpoint).apply(lambda known: int(split_endpoint(known)[1]))
    anywhere = (network_policies.anywhere(),)
    if artifacts.keyless:
        return [
            {"to": [*anywhere], "ports": [{"port": port, "protocol": "TCP"}]},
            network_policies.identity_agent(),
        ]
    return [{"to": [*(stores or anywhere)], "ports": [{"port": port, "protocol": "TCP"}]}]
