"""The platform: its components in dependency order."""

from pulumi import ResourceOptions

from components import images
from components.connections import ClusterConnection
from components.platform_namespace import PlatformNamespace, PlatformNamespaceArgs
from infra.outputs import Outputs
from infra.settings import Secrets, Settings


def deploy(settings: Settings, secrets: Secrets, cluster: ClusterConnection) -> Outputs:
    """Make every component of the platform."""
    opts = ResourceOptions(provider=cluster.provider, protect=settings.protect or None)
    namespace = PlatformNamespace("databases", PlatformNamespaceArgs(namespace="databases"), opts)
    return Outputs(
        gateway_domain=settings.gateway.domain,
        pipelines_namespace=namespace.namespace,
        tracking_namespace="mlflow",
        models_namespace="models",
        artifacts_destination="s3://mlflow",
        pipelines_bucket="pipelines",
        object_store_region="us-east-1",
        workload_image=images.reference("workload", settings.images.registry),
    )
