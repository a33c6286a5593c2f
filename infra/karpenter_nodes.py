"""Finds nodes of Karpenter whose pool the settings no longer name: deleting the pool would end their pods."""

from collections.abc import Collection

import pulumi
import pulumi_aws as aws

_POOL_TAG = "karpenter.sh/nodepool"
_ALIVE = ["pending", "running"]


def find_unnamed(cluster: str, pools: Collection[str], opts: pulumi.InvokeOptions) -> list[str]:
    """Return the ids of the instances that Karpenter runs in a cluster for pools other than these, sorted.

    A cluster that does not exist has none.
    """
    owned: aws.ec2.GetInstancesFilterArgsDict = {
        "name": f"tag:kubernetes.io/cluster/{cluster}",
        "values": ["owned"],
    }
    of_any_pool: aws.ec2.GetInstancesFilterArgsDict = {"name": "tag-key", "values": [_POOL_TAG]}
    running = aws.ec2.get_instances(filters=[owned, of_any_pool], instance_state_names=_ALIVE, opts=opts).ids
    if not (running and pools):
        return sorted(running)
    named: aws.ec2.GetInstancesFilterArgsDict = {"name": f"tag:{_POOL_TAG}", "values": sorted(pools)}
    kept = aws.ec2.get_instances(filters=[owned, named], instance_state_names=_ALIVE, opts=opts).ids
    return sorted({*running} - {*kept})
