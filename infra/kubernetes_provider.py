"""The Kubernetes provider of a cluster, existing or created by the stack."""

import pulumi
import pulumi_kubernetes as kubernetes


def make(
    name: str, *, kubeconfig: pulumi.Input[str] | None, context: str | None = None
) -> kubernetes.Provider:
    """Return the provider that creates every object of a cluster.

    Args:
        name: identifies the cluster in Pulumi's state.
        kubeconfig: its content; without it the provider reads KUBECONFIG, and moving the file is no change.
        context: context of the kubeconfig; the current one by default.
    """
    return kubernetes.Provider(
        name,
        # It may hold a key.
        kubeconfig=None if kubeconfig is None else pulumi.Output.secret(kubeconfig),
        context=context,
        # Otherwise a changed kubeconfig would replace the provider, and every object with it.
        cluster_identifier=name,
        enable_server_side_apply=True,
        # Otherwise changed data would replace the object.
        enable_config_map_mutable=True,
        enable_secret_mutable=True,
        # Several hundred objects are created at once; the client's default limits would queue them.
        # After every new definition a busy API server needs long to serve its OpenAPI document.
        kube_client_settings={"qps": 100, "burst": 200, "timeout": 120},
    )
