"""Connects to the cluster that the settings choose, and creates it where it is an EKS cluster."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.connections import ClusterConnection
from infra import kubernetes_provider
from infra.errors import SettingsError
from infra.settings.cluster import ClusterSettings, EksSettings
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from infra.cloud import Cloud


@dataclass(frozen=True, kw_only=True)
class Target:
    """The cluster that a stack is deployed to."""

    cluster: ClusterConnection
    cloud: "Cloud | None" = None
    """AWS resources around an EKS cluster that this stack creates."""


def connect(settings: Settings, default: Callable[[], str | None] = lambda: None) -> Target:
    """Return the cluster of a stack; creates the cluster if it is on EKS.

    Args:
        settings: the stack's choices.
        default: returns the kubeconfig of a stack that names none; None leaves the choice to KUBECONFIG.
    """
    match settings.cluster:
        case ClusterSettings(name=name, kubeconfig=path, context=context):
            content = default() if path is None else _read(Path(path).expanduser())
            provider = kubernetes_provider.make(name, kubeconfig=content, context=context)
            return Target(cluster=ClusterConnection(provider=provider, name=name))
        case EksSettings() as eks:
            # Importing the AWS SDK takes a second and 80 MB, which other stacks should not pay for.
            from infra import cloud

            made = cloud.connect(settings, eks)
            return Target(cluster=made.connection, cloud=made)


def _read(kubeconfig: Path) -> str:
    try:
        return kubeconfig.read_text()
    except OSError as error:
        raise SettingsError(
            f"plinth:cluster.kubeconfig: {kubeconfig}: {error.strerror}: correct it"
        ) from None
