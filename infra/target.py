"""The one place that knows kinds of clusters: settings -> provider and ClusterConnection."""

from pathlib import Path

import pulumi_kubernetes as kubernetes

from components.connections import ClusterConnection
from infra.settings import ClusterSettings


def connect(settings: ClusterSettings) -> ClusterConnection:
    """Return the cluster that the stack deploys to."""
    match settings.kind:
        case "kubeconfig":
            provider = kubernetes.Provider(
                settings.name,
                # Without a path the provider reads KUBECONFIG, so that a moved file is no change.
                kubeconfig=None
                if settings.kubeconfig is None
                else Path(settings.kubeconfig).expanduser().read_text(),
                context=settings.context,
                # Otherwise a changed kubeconfig would replace the provider and with it every object.
                cluster_identifier=settings.name,
                enable_server_side_apply=True,
                # Otherwise changed data would replace the object.
                enable_config_map_mutable=True,
                enable_secret_mutable=True,
                # Several hundred objects at once; the client's own limits would queue them.
                # A busy API server takes its time over the OpenAPI document after every new definition.
                kube_client_settings={"qps": 100, "burst": 200, "timeout": 120},
            )
            return ClusterConnection(provider=provider, name=settings.name)
