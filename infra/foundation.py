"""What every component of a platform stands on: settings, namespaces, options, and where it all is."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pulumi
from pulumi import ResourceOptions

from components import images
from components.monitoring.prometheus_monitoring import scraper
from components.shapes import network_policies
from components.shapes.network_policies import Peer, in_namespace
from components.shapes.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from infra.settings.stack import Secrets, Settings
from infra.settings.storage import DatabaseLocation, ObjectsLocation
from infra.target import Target

if TYPE_CHECKING:
    from infra.cloud import Cloud

_NAMESPACES = ("gateway", "kserve", "kubeflow", "mlflow")
# Of stores that run in the cluster.
DATABASES = "databases"
OBJECT_STORE = "object-store"
# Of the queues for GPUs.
KUEUE = "kueue"
MONITORING = "monitoring"


@dataclass(frozen=True, kw_only=True)
class Site:
    """What every component of one platform is made from."""

    settings: Settings
    secrets: Secrets
    opts: ResourceOptions
    """For what can be made again."""
    keep: ResourceOptions
    """For what holds data."""
    namespaces: Mapping[str, pulumi.Output[str]]
    """Those of the parts that the settings ask for; a store elsewhere has none."""
    target: Target

    @property
    def cloud(self) -> "Cloud":
        """What the cluster stands in; settings that need one were refused without it."""
        if self.target.cloud is None:
            raise TypeError(f"cluster {self.target.cluster.name} stands in no cloud")
        return self.target.cloud

    @property
    def scrapers(self) -> tuple[Peer, ...]:
        """Who may read metrics."""
        return (scraper(MONITORING),) if self.settings.monitoring.enabled else ()

    def image(self, name: str) -> str:
        """Return the reference of an image, by its short name."""
        return images.reference(name, self.settings.registry)

    def stores(self, *namespaces: str) -> tuple[Peer, ...]:
        """Return where stores are: these namespaces, as far as they are there, and the cloud's network."""
        in_cluster = peers(*(each for each in namespaces if each in self.namespaces))
        cloud = self.target.cloud
        return in_cluster if cloud is None else (*in_cluster, network_policies.addresses(cloud.vpc.cidr))


def lay(settings: Settings, secrets: Secrets, target: Target) -> Site:
    """Make the namespaces that the settings ask for; return what components are made from."""
    provider, protect = target.cluster.provider, settings.protect
    opts = ResourceOptions(provider=provider)
    optional = {
        DATABASES: settings.storage.postgres is DatabaseLocation.INCLUSTER,
        OBJECT_STORE: settings.storage.objects is ObjectsLocation.INCLUSTER,
        KUEUE: bool(settings.gpu_pools),
        MONITORING: settings.monitoring.enabled,
    }
    wanted = (*_NAMESPACES, *(name for name, asked in optional.items() if asked))
    namespaces = {
        name: PlatformNamespace(name, PlatformNamespaceArgs(namespace=name), opts).namespace
        for name in sorted(wanted)
    }
    return Site(
        settings=settings,
        secrets=secrets,
        opts=opts,
        keep=ResourceOptions(provider=provider, protect=protect, retain_on_delete=protect),
        namespaces=namespaces,
        target=target,
    )


def peers(*namespaces: str) -> tuple[Peer, ...]:
    """Return all pods of these namespaces, as network policies name them."""
    return tuple(in_namespace(name) for name in namespaces)
