"""Shared inputs of all parts: settings, secrets, namespaces and resource options."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import pulumi
from pulumi import ResourceOptions

from components import images
from components.connections import Bucket
from components.monitoring.prometheus_monitoring import alert_sender, scraper
from components.shapes import network_policies
from components.shapes.network_policies import EgressRule, Peer, in_namespace
from components.shapes.server_certificate import ServerCertificate
from infra import kubernetes_provider
from infra.parts.records import Route
from infra.parts.secrets import Certificate, Password
from infra.settings.stack import Environment, Settings
from infra.target import Target

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.cloud import Cloud

# Must match `infra.parts.monitoring.NAMESPACE`, which imports this module for its types.
MONITORING = "monitoring"


class Neighbours(Protocol):
    """What a part may know about all others when it is deployed; implemented by `infra.parts.plan.Plan`."""

    @property
    def settings(self) -> Settings:
        """The stack's choices."""
        ...

    @property
    def buckets(self) -> tuple[Bucket, ...]:
        """Buckets of the object store."""
        ...

    @property
    def every_image(self) -> tuple[str, ...]:
        """Short names of the images of all parts, also of those that the stack does not have."""
        ...

    @property
    def routes(self) -> tuple[Route, ...]:
        """Hosts that the gateway routes."""
        ...

    @property
    def certificates(self) -> tuple[Certificate, ...]:
        """Certificates whose expiry is watched."""
        ...

    def watch(self) -> "Watch":
        """Return what Prometheus scrapes, evaluates and shows."""
        ...

    def clients(self, part: str) -> tuple[str, ...]:
        """Return the namespaces whose pods open connections to a part."""
        ...

    def servers(self, *connections: type) -> tuple[str, ...]:
        """Return the namespaces of the pods behind connections."""
        ...


@dataclass(frozen=True, kw_only=True)
class Site:
    """Shared inputs of all parts."""

    plan: Neighbours
    secrets: Mapping[str, pulumi.Output[str]]
    """Configuration key -> value."""
    namespaces: Mapping[str, pulumi.Output[str]]
    """Namespaces of the plan; each value resolves once the namespace is closed."""
    target: Target

    @property
    def settings(self) -> Settings:
        """The stack's choices."""
        return self.plan.settings

    @cached_property
    def opts(self) -> ResourceOptions:
        """Options of components that can be recreated."""
        return ResourceOptions(provider=self.target.cluster.provider)

    @cached_property
    def keep(self) -> ResourceOptions:
        """Options of components that hold data."""
        protect = self.settings.protect
        return ResourceOptions(
            provider=self.target.cluster.provider, protect=protect, retain_on_delete=protect
        )

    @property
    def cloud(self) -> "Cloud":
        """The AWS side of the stack.

        Raises:
            TypeError: the cluster is not on EKS; validation rejects settings that need it earlier.
        """
        if self.target.cloud is None:
            raise TypeError(f"cluster {self.target.cluster.name} is not on EKS")
        return self.target.cloud

    @property
    def replicas(self) -> int:
        """Replicas of servers that can have several: two in production, to survive the loss of a node."""
        return 2 if self.settings.environment is Environment.PRODUCTION else 1

    @property
    def scrapers(self) -> tuple[Peer, ...]:
        """Pods that may scrape metrics."""
        return (scraper(MONITORING),) if MONITORING in self.namespaces else ()

    @property
    def alert_senders(self) -> tuple[Peer, ...]:
        """Pods that send alerts to receivers in the cluster."""
        return (alert_sender(MONITORING),) if MONITORING in self.namespaces else ()

    def image(self, name: str) -> str:
        """Return the reference of an image, by its short name."""
        settings = self.settings
        return images.reference(name, settings.registry, mirrored=settings.images.mirror)

    def secret(self, password: Password) -> pulumi.Output[str]:
        """Return the value of a password."""
        return self.secrets[password.key]

    def certificate(self, certificate: Certificate) -> ServerCertificate:
        """Return the values of a certificate."""
        authority, signed, key = (self.secrets[each] for each in certificate.keys)
        return ServerCertificate(authority=authority, certificate=signed, key=key)

    def clients(self, part: str) -> tuple[Peer, ...]:
        """Return the pods that may connect to the part of this name."""
        return peers(self.plan.clients(part))

    def servers(self, *connections: type) -> tuple[Peer, ...]:
        """Return the pods in the cluster behind connections."""
        return peers(self.plan.servers(*connections))

    @cached_property
    def api_server(self) -> EgressRule:
        """Rule that lets pods reach the Kubernetes API.

        On EKS its ports anywhere: whoever runs pods there may reach S3, whose addresses change, at one of
        them in any case.
        """
        if self.target.cloud is not None:
            return network_policies.api_server()
        return kubernetes_provider.api_server(self.target.cluster.provider)

    def stores(self, *connections: type) -> tuple[Peer, ...]:
        """Return the stores behind connections: pods of the cluster, and the cloud's network."""
        in_cluster = self.servers(*connections)
        cloud = self.target.cloud
        return in_cluster if cloud is None else (*in_cluster, network_policies.addresses(cloud.vpc.cidr))


def peers(namespaces: tuple[str, ...]) -> tuple[Peer, ...]:
    """Return all pods of these namespaces, as network policies name them."""
    return tuple(in_namespace(each) for each in namespaces)
