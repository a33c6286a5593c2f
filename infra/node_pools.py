"""Autoscalers, GPU node pools and their network adapters of a stack on AWS."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import pulumi

from components import images
from components.aws import karpenter
from components.aws.cluster_autoscaler import ClusterAutoscaler, ClusterAutoscalerArgs
from components.aws.gpu_node_pool import GpuNodePool, GpuNodePoolArgs, group_name
from components.aws.karpenter import Karpenter, KarpenterArgs
from components.aws.karpenter_node_pool import KarpenterNodePool, KarpenterNodePoolArgs
from components.aws.node_group import GroupSize
from components.aws.pod_identity import IdentityScope
from components.gpus.efa_device_plugin import EfaDevicePlugin, EfaDevicePluginArgs
from components.shapes.network_policies import Peer
from components.versions import EFA_DEVICE_PLUGIN
from infra import karpenter_nodes
from infra.cloud import Cloud
from infra.errors import SettingsError
from infra.settings import gpu_sharing
from infra.settings.pools import GpuPoolSettings, Provisioner


@dataclass(frozen=True, kw_only=True)
class Scaling:
    """Shared inputs of the autoscalers."""

    namespace: pulumi.Input[str]
    """Their namespace, which denies traffic by default."""
    identities: IdentityScope
    """The same namespace, for their identities in AWS."""
    scrapers: tuple[Peer, ...]
    """Pods that may scrape them."""
    replicas: int
    """Pods of each."""


def deploy(cloud: Cloud, scaling: Scaling) -> None:
    """Create the pools, the autoscalers that they need, and the device plugin of their adapters.

    Raises:
        SettingsError: a pool that the settings no longer name has nodes.
    """
    pools = cloud.settings.gpu_pools
    grouped = [f"gpu-{pool.name}" for pool in pools if pool.provisioner is Provisioner.NODE_GROUP]
    provisioned = [pool for pool in pools if pool.provisioner is Provisioner.KARPENTER]
    unnamed = karpenter_nodes.find_unnamed(
        cloud.eks.name,
        [pool.name for pool in provisioned],
        pulumi.InvokeOptions(provider=cloud.provider),
    )
    if busy := [*removed_pools(grouped, cloud.sizes), *_left_alone(unnamed)]:
        raise SettingsError("; ".join(busy))
    version = cloud.eks.autoscaler_version
    ClusterAutoscaler(
        "cluster-autoscaler",
        ClusterAutoscalerArgs(
            namespace=scaling.namespace,
            identities=scaling.identities,
            image=images.published("cluster-autoscaler", version, cloud.settings.mirror),
            version=version,
            cluster_name=cloud.eks.name,
            account=cloud.eks.account,
            region=cloud.eks.region,
            scrapers=scaling.scrapers,
            replicas=scaling.replicas,
            tags=cloud.tags,
        ),
        cloud.everywhere,
    )
    for pool in pools:
        if pool.provisioner is Provisioner.NODE_GROUP:
            _node_group(cloud, pool)
    if provisioned:
        controller = _karpenter(cloud, scaling)
        for pool in provisioned:
            _karpenter_pool(cloud, pool, controller)
    with_adapters = [pool.name for pool in pools if pool.efa]
    if with_adapters:
        _efa_device_plugin(cloud, with_adapters)


def _efa_device_plugin(cloud: Cloud, pools: list[str]) -> EfaDevicePlugin:
    return EfaDevicePlugin(
        "efa-device-plugin",
        EfaDevicePluginArgs(
            image=images.of_eks("aws-efa-k8s-device-plugin", EFA_DEVICE_PLUGIN, cloud.eks.region),
            version=EFA_DEVICE_PLUGIN,
            pools=pools,
        ),
        cloud.in_cluster,
    )


def removed_pools(names: Collection[str], sizes: Mapping[str, GroupSize]) -> list[str]:
    """Return one clause for each pool that was removed or renamed while its nodes run pods."""
    groups = {group_name(each) for each in names}
    return [
        f"gpuPools no longer names the pool of {group}, which has {size.nodes} nodes: put it back with "
        "min: 0, and remove or rename it once the autoscaler has stopped them"
        for group, size in sorted(sizes.items())
        if group.startswith("gpu-") and group not in groups and size.nodes
    ]


def _left_alone(instances: Sequence[str]) -> list[str]:
    """Return a clause if a pool of Karpenter was removed or renamed while these instances run."""
    if not instances:
        return []
    return [
        f"gpuPools no longer names the pool of {', '.join(instances)}, which Karpenter runs: put it back "
        "(their tag karpenter.sh/nodepool has its name), and remove or rename it once they have stopped"
    ]


def _karpenter(cloud: Cloud, scaling: Scaling) -> Karpenter:
    return Karpenter(
        "karpenter",
        KarpenterArgs(
            namespace=scaling.namespace,
            identities=scaling.identities,
            image=images.published("karpenter", karpenter.release(), cloud.settings.mirror),
            cluster_name=cloud.eks.name,
            account=cloud.eks.account,
            region=cloud.eks.region,
            node_role_arn=cloud.cluster.node_role_arn,
            node_role_name=cloud.cluster.node_role_name,
            scrapers=scaling.scrapers,
            replicas=scaling.replicas,
            tags=cloud.tags,
        ),
        cloud.everywhere,
    )


def _node_group(cloud: Cloud, pool: GpuPoolSettings) -> GpuNodePool:
    numbers = [cloud.eks.availability_zones.index(zone) for zone in _zones(cloud, pool)]
    return GpuNodePool(
        f"gpu-{pool.name}",
        GpuNodePoolArgs(
            pool=pool.name,
            cluster_name=cloud.cluster.cluster_name,
            node_role_arn=cloud.cluster.node_role_arn,
            subnet_ids=cloud.vpc.private_subnet_ids.apply(lambda ids: [ids[each] for each in numbers]),
            kubernetes_version=cloud.eks.kubernetes_version,
            security_group_id=cloud.cluster.node_security_group_id,
            instance_types=pool.instance_types,
            min_nodes=pool.min,
            max_nodes=pool.max,
            sizes=cloud.sizes,
            ami_release=cloud.eks.ami_release,
            capacity_type=pool.capacity_type.value,
            reservation=pool.reservation,
            disk_gib=pool.disk_gib,
            efa=pool.efa,
            placement_group=pool.placement_group,
            sharing=gpu_sharing.sharing(pool),
            tags=cloud.tags,
        ),
        cloud.opts,
    )


def _karpenter_pool(cloud: Cloud, pool: GpuPoolSettings, controller: Karpenter) -> KarpenterNodePool:
    release = cloud.eks.ami_release
    return KarpenterNodePool(
        f"gpu-{pool.name}",
        KarpenterNodePoolArgs(
            pool=pool.name,
            cluster_name=cloud.eks.name,
            instance_profile=controller.instance_profile,
            security_group_id=cloud.cluster.node_security_group_id,
            instance_types=pool.instance_types,
            max_nodes=pool.max,
            zones=_zones(cloud, pool),
            # Karpenter knows a release by its date alone.
            ami_release=f"v{release.rpartition('-')[2]}" if release else "latest",
            capacity_type=pool.capacity_type.value,
            reservation=pool.reservation,
            disk_gib=pool.disk_gib,
            sharing=gpu_sharing.sharing(pool),
            tags=cloud.tags,
        ),
        cloud.in_cluster,
    )


def _zones(cloud: Cloud, pool: GpuPoolSettings) -> tuple[str, ...]:
    return pool.zones or cloud.eks.availability_zones
