"""Clients of the Kubernetes API of one cluster."""

from typing import Any

from kubernetes import config


def connect(kubeconfig: str) -> Any:
    """Return an API client of its own for a kubeconfig file; the process-wide default is left alone."""
    return config.new_client_from_config(kubeconfig)
