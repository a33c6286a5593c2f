"""Reads how many nodes each node group has now: an autoscaler decides, so neither settings nor state know."""

import re
from collections.abc import Mapping

import pulumi
import pulumi_aws as aws

from components.aws.node_group import GroupSize

# EKS names a scaling group after its node group, whose name Pulumi ends with a random suffix.
_SCALING_GROUP = re.compile(r"eks-(?P<group>.+)-nodes-[0-9a-f]{7}-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


def find(cluster: str, opts: pulumi.InvokeOptions) -> Mapping[str, GroupSize]:
    """Return the size of each node group of a cluster, by the Pulumi name of its `NodeGroup`.

    A cluster that does not exist has none. While a group is replaced there are two; the larger one counts.
    """
    owned: aws.autoscaling.GetAmiIdsFilterArgsDict = {
        "name": f"tag:k8s.io/cluster-autoscaler/{cluster}",
        "values": ["owned"],
    }
    sizes: dict[str, GroupSize] = {}
    for name in aws.autoscaling.get_ami_ids(filters=[owned], opts=opts).names:
        match = _SCALING_GROUP.fullmatch(name)
        if match is None:
            continue
        group = aws.autoscaling.get_group(name=name, opts=opts)
        size = GroupSize(fewest=group.min_size, most=group.max_size, nodes=group.desired_capacity)
        known = sizes.get(match["group"], size)
        sizes[match["group"]] = max(size, known, key=lambda each: each.nodes)
    return sizes
