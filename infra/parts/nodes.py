"""Nodes on AWS: image repositories, storage class, autoscalers, GPU node pools and their adapters."""

from typing import TYPE_CHECKING

from components import images
from infra.parts.pace import timing
from infra.parts.part import Connections, Part, Provides
from infra.settings.cluster import EksSettings
from infra.settings.pools import Provisioner
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "node-scaling"
# Created by the component; importing its name from there would cost every command a second.
_ADAPTERS_NAMESPACE = "efa-device-plugin"


def _deploy(site: "Site", _: Connections) -> Provides:
    from infra import node_pools

    cloud = site.cloud
    # For the images of all parts, so that enabling a part later needs no new repository.
    mirrored = site.settings.images.mirror
    cloud.repositories(images.repositories(site.plan.every_image, mirrored=mirrored))
    cloud.volumes()
    scaling = node_pools.Scaling(
        namespace=site.namespaces[NAMESPACE],
        identities=cloud.identities(NAMESPACE),
        scrapers=site.scrapers,
        replicas=site.replicas,
    )
    node_pools.deploy(cloud, scaling)
    return Provides(outputs={"kubeconfig": cloud.cluster.kubeconfig})


def _wanted(settings: Settings) -> bool:
    return isinstance(settings.cluster, EksSettings)


def _own_namespaces(settings: Settings) -> tuple[str, ...]:
    return (_ADAPTERS_NAMESPACE,) if any(pool.efa for pool in settings.gpu_pools) else ()


def _watch(settings: Settings) -> "Watch":
    from components.aws import monitoring

    karpenter = any(pool.provisioner is Provisioner.KARPENTER for pool in settings.gpu_pools)
    return monitoring.watch(NAMESPACE, timing(settings), karpenter=karpenter)


NODES = Part(
    name="nodes",
    deploy=_deploy,
    wanted=_wanted,
    namespaces=(NAMESPACE,),
    own_namespaces=_own_namespaces,
    watch=_watch,
)
