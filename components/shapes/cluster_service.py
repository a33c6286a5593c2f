"""A ClusterIP Service; Pulumi's wait for its endpoints is skipped: its component waits for the Deployment."""

from collections.abc import Mapping, Sequence

import pulumi
import pulumi_kubernetes as kubernetes

from components.shapes.owner import Owner


def deploy(
    owner: Owner,
    name: str,
    ports: Mapping[str, int | tuple[int, int]],
    *,
    resource: str = "service",
    after: Sequence[pulumi.Resource] = (),
) -> kubernetes.core.v1.Service:
    """Create the Service.

    The provider would wait until its endpoints had not changed for ten seconds. Ready pods are endpoints
    already, and such waits would add up, one after another, along the platform's chain of dependencies.

    Args:
        owner: the component that runs the pods.
        name: name of the Service.
        ports: port by name; a pair of Service port and pod port where the two differ.
        resource: Pulumi name of the Service, without the component's.
        after: the server, if consumers of the Service need it to answer.
    """
    pairs = {key: port if isinstance(port, tuple) else (port, port) for key, port in ports.items()}
    return kubernetes.core.v1.Service(
        f"{owner.component}-{resource}",
        metadata={**owner.metadata(name), "annotations": {"pulumi.com/skipAwait": "true"}},
        spec={
            "selector": owner.selector,
            "ports": [
                {"name": key, "port": port, "target_port": target} for key, (port, target) in pairs.items()
            ],
        },
        opts=owner.child(after),
    )
