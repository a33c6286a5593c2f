"""The LocalQueue of a team's namespace, in which what the team runs queues for its quota."""

from collections.abc import Sequence

import pulumi
import pulumi_kubernetes as kubernetes

from components.queues import team_quotas
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
    rendered = team_quotas.local_queue(team)
    return kubernetes.apiextensions.CustomResource(
        f"{owner.component}-queue",
        api_version=rendered["apiVersion"],
        kind=rendered["kind"],
        metadata=owner.metadata(team_quotas.LOCAL_QUEUE),
        spec=rendered["spec"],
        opts=owner.child(after),
    )
