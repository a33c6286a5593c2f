"""How pods reach the object store: by name and key inside a cluster, by their own identity in AWS."""

from collections.abc import Sequence

import pulumi

from components.connections import ObjectStoreConnection
from components.shapes import network_policies


def split_endpoint(endpoint: str) -> tuple[str, str]:
    """Return host and port of `host:port`.

    Raises:
        ValueError: one of the two is missing.
    """
    host, _, port = endpoint.rpartition(":")
    if not host or not port.isdigit():
        raise ValueError(f"artifacts.endpoint: {endpoint!r}; give host:port")
    return host, port


def egress(
    artifacts: ObjectStoreConnection, stores: Sequence[network_policies.Peer]
) -> list[network_policies.EgressRule]:
    """Return the ways to a bucket: to these peers; without keys, to S3 and to what gives credentials.

    The addresses of S3 are those of half the internet, and change: its port is all that can be named.
    """
    port = pulumi.Output.from_input(artifacts.endpoint).apply(lambda known: int(split_endpoint(known)[1]))
    anywhere = (network_policies.anywhere(),)
    if artifacts.keyless:
        return [
            {"to": [*anywhere], "ports": [{"port": port, "protocol": "TCP"}]},
            network_policies.identity_agent(),
        ]
    return [{"to": [*(stores or anywhere)], "ports": [{"port": port, "protocol": "TCP"}]}]
