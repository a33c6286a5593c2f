"""The Kubernetes provider of a cluster, whoever made the cluster."""

import pulumi
import pulumi_kubernetes as kubernetes


def make(
    name: str, *, kubeconfig: pulumi.Input[str] | None, context: str | None = None
) -> kubernetes.Provider:
    """Return the provider through which every object of a cluster is made.

    Args:
        name: identifies the cluster in the state.
        kubeconfig: its content; without it the provider reads KUBECONFIG, so that a moved file is no change.
        context: of the kubeconfig; without it the current one.
    """
    return kubernetes.Provider(
        name,
        kubeconfig=kubeconfig,
        context=context,
        # Otherwise a changed kubeconfig would replace the provider and with it every object.
        cluster_identifier=name,
        enable_server_side_apply=True,
        # Otherwise changed data would replace the object.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # Several hundred objects at once; the client's own limits would queue them.
        # A busy API server takes its time over the OpenAPI document after every new definition.
        kube_client_settings={"qps": 100, "burst": 200, "timeout": 120},
    )
