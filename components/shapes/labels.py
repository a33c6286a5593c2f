"""The labels that every object of the platform carries."""


def selector(name: str, instance: str) -> dict[str, str]:
    """Return the labels that select a workload's pods: they never change in its lifetime."""
    return {"app.kubernetes.io/name": name, "app.kubernetes.io/instance": instance}


def labels(name: str, instance: str, component: str, *, version: str | None = None) -> dict[str, str]:
    """Return the recommended Kubernetes labels of one object.

    Args:
        name: the product, such as `mlflow`.
        instance: the Pulumi name of the component that owns the object.
        component: the role within the product, such as `server`.
        version: the product's version, where it says something.
    """
    optional = {"app.kubernetes.io/version": version} if version else {}
    return {
        **selector(name, instance),
        "app.kubernetes.io/component": component,
        "app.kubernetes.io/part-of": "plinth",
        "app.kubernetes.io/managed-by": "pulumi",
        **optional,
    }
