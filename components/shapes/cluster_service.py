"""A Service within the cluster, in front of a server that its component awaits by itself."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi import ResourceOptions


def deploy(
    name: str,
    *,
    metadata: kubernetes.meta.v1.ObjectMetaArgsDict,
    selector: Mapping[str, str],
    ports: Mapping[str, int | tuple[int, int]],
    parent: pulumi.Resource,
    after: Sequence[pulumi.Resource] = (),
) -> kubernetes.core.v1.Service:
    """Make the Service.

    The provider would watch its endpoints until they had been still for ten seconds. Pods that are ready are
    endpoints already, and such waits lay behind one another on the way to a platform.

    Args:
        name: the engine's.
        metadata: name, namespace and labels.
        selector: labels of the server's pods.
        ports: by name; a pair where the pods' port is another one.
        parent: the component.
        after: the server, where what needs the Service needs its answers.
    """
    pairs = {key: port if isinstance(port, tuple) else (port, port) for key, port in ports.items()}
    return kubernetes.core.v1.Service(
        name,
        metadata={**metadata, "annotations": {"pulumi.com/skipAwait": "true"}},
        spec={
            "selector": selector,
            "ports": [
                {"name": key, "port": port, "target_port": target} for key, (port, target) in pairs.items()
            ],
        },
        opts=ResourceOptions(parent=parent, depends_on=[*after]),
    )
