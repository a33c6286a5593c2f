"""The LocalQueue of a team's namespace, in which the team's GPU pods and Jobs queue for its quota."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes

from components.gpus import gpu_queues
from components.shapes.owner import Owner


def deploy(
    owner: Owner, team: str, after: Sequence[pulumi.Resource]
) -> kubernetes.apiextensions.CustomResource:
    """Create the queue.

    Args:
        owner: owner of the objects in the team's namespace.
        team: name of the team and its ClusterQueue.
        after: the team's ClusterQueue.
    """
    rendered = gpu_queues.local_queue(team)
    return kubernetes.apiextensions.CustomResource(
        f"{owner.component}-queue",
        api_version=rendered["apiVersion"],
        kind=rendered["kind"],
        metadata=owner.metadata(gpu_queues.LOCAL_QUEUE),
        spec=rendered["spec"],
        opts=owner.child(after),
    )
