"""Network access to the object store: in-cluster pods, or S3 and the agent that hands out credentials."""

from collections.abc import Sequence

import pulumi

from components.connections import ObjectStoreConnection
from components.shapes import network_policies


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
