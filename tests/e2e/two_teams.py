"""The teams of the running stack as their members see them, and accounts with one of their roles."""

import os
import secrets
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import kfp
from kubernetes import client
from mlflow import MlflowClient

from components.access.roles import Role
from infra.parts.tenant import Tenant
from workloads import cluster_client, tokens
from workloads.contract import TOKEN_AUDIENCE
from workloads.endpoints import Endpoints


@dataclass(frozen=True, kw_only=True)
class Team:
    """A team as its members see it."""

    tenant: Tenant
    endpoints: Endpoints

    @property
    def kfp(self) -> kfp.Client:
        """An unmodified client, which is given an address and a token."""
        return client_of(self.url, tokens.token(self.endpoints))

    @property
    def mlflow(self) -> MlflowClient:
        """An unmodified client of its MLflow, which takes a token from the environment alone."""
        return MlflowClient(self.url)

    @property
    def url(self) -> str:
        """Address of its pipelines and its MLflow."""
        return f"{self.endpoints.localhost_url}{self.tenant.localhost}"


def client_of(url: str, token: str) -> kfp.Client:
    """Return an unmodified client."""
    # What httpx and requests read, kfp does not.
    return kfp.Client(
        host=url, existing_token=token or None, ssl_ca_cert=os.environ.get("REQUESTS_CA_BUNDLE")
    )


@contextmanager
def holder_of(
    role: Role, endpoints: Endpoints, namespace: str, audiences: Sequence[str] = (TOKEN_AUDIENCE,)
) -> Generator[str]:
    """Give the token of a new account in a namespace that holds a role there.

    Args:
        role: The role.
        endpoints: The platform.
        namespace: Namespace of the account.
        audiences: Who takes the token; none for the Kubernetes API.
    """
    connected = cluster_client.connect(endpoints.kubeconfig)
    core: Any = client.CoreV1Api(connected)
    rights: Any = client.RbacAuthorizationV1Api(connected)
    name = f"{role.partition(':')[2]}-{secrets.token_hex(3)}"
    core.create_namespaced_service_account(namespace, {"metadata": {"name": name}})
    try:
        bound = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": role}
        subject = {"kind": "ServiceAccount", "name": name, "namespace": namespace}
        rights.create_namespaced_role_binding(
            namespace, {"metadata": {"name": name}, "roleRef": bound, "subjects": [subject]}
        )
        spec = {"audiences": [*audiences], "expirationSeconds": 600}
        issued: Any = core.create_namespaced_service_account_token(name, namespace, {"spec": spec})
        yield str(issued.status.token)
        rights.delete_namespaced_role_binding(name, namespace)
    finally:
        core.delete_namespaced_service_account(name, namespace)
