"""The stack's outputs: the contract that workloads and the harness read."""

from dataclasses import dataclass, fields

import pulumi


@dataclass(frozen=True, kw_only=True)
class Outputs:
    """Where the platform answers; `python -m infra outputs` adds kubeconfig and gateway_url."""

    gateway_domain: str
    """Domain of every host that the gateway routes."""
    pipelines_namespace: pulumi.Input[str]
    """Namespace of Kubeflow Pipelines and of its runs."""
    tracking_namespace: pulumi.Input[str]
    """Namespace of MLflow."""
    models_namespace: pulumi.Input[str]
    """Namespace of the inference services."""
    artifacts_destination: str
    """Where MLflow keeps artifacts."""
    pipelines_bucket: str
    """Bucket of pipeline artifacts, step logs and users' CSV files."""
    object_store_region: str
    """Region with which object store requests are signed."""
    workload_image: str
    """Image of the steps."""
    gateway_url: pulumi.Output[str] | None = None
    """Where the load balancer of a cloud answers."""
    kubeconfig: pulumi.Output[str] | None = None
    """Of a cluster that the stack made; it holds no credentials."""
    prometheus_url: pulumi.Input[str] = ""
    """Where Prometheus answers, by a host of the gateway; empty without monitoring."""


def export(outputs: Outputs) -> None:
    """Hand the outputs to the engine."""
    for field in fields(outputs):
        value = getattr(outputs, field.name)
        if value is not None:
            pulumi.export(field.name, value)
