"""Clients of the Kubernetes API of one cluster."""

from typing import Any

from kubernetes import config


def connect(kubeconfig: str) -> Any:
    """Return an API client of its own for a kubeconfig file; the default client of the process stays as it is."""
    return config.new_client_from_config(kubeconfig)
