"""The one place that knows kinds of clusters: settings -> the cluster, and the cloud that it is in."""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.connections import ClusterConnection
from infra import kubernetes_provider
from infra.settings.cluster import ClusterSettings, EksSettings
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from infra.cloud import Cloud


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a stack is deployed to."""

    cluster: ClusterConnection
    cloud: "Cloud | None" = None
    """What stands around a cluster that the stack makes itself."""


def connect(settings: Settings) -> Target:
    """Return the cluster that the stack deploys to, and make it where the stack has one of its own."""
    match settings.cluster:
        case ClusterSettings(name=name, kubeconfig=path, context=context):
            content = None if path is None else Path(path).expanduser().read_text()
            provider = kubernetes_provider.make(name, kubeconfig=content, context=context)
            return Target(cluster=ClusterConnection(provider=provider, name=name))
        case EksSettings() as eks:
            # The SDK of AWS takes a second and memory that other stacks need not spend.
            from infra import cloud

            made = cloud.connect(settings, eks)
            return Target(cluster=made.connection, cloud=made)
