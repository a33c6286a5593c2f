"""Nodes on AWS: image repositories, storage class, autoscalers and GPU node pools."""

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


def _deploy(site: "Site", _: Connections) -> Provides:
    from infra import node_pools

    cloud = site.cloud
    # For the images of all parts, so that enabling a part later needs no new repository.
    cloud.repositories([name for name in site.plan.every_image if images.is_own(name)])
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


def _watch(settings: Settings) -> "Watch":
    from components.aws import monitoring

    karpenter = any(pool.provisioner is Provisioner.KARPENTER for pool in settings.gpu_pools)
    return monitoring.watch(NAMESPACE, timing(settings), karpenter=karpenter)


NODES = Part(name="nodes", deploy=_deploy, wanted=_wanted, namespaces=(NAMESPACE,), watch=_watch)
