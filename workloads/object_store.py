"""Clients of the object store, through the gateway, with credentials from the cluster's Secrets."""

import base64
from typing import Any

import boto3
from botocore.config import Config
from kubernetes import client

from workloads import cluster_client
from workloads.contract import OBJECT_STORE_SECRET
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import authorities, reach


def _store(endpoints: Endpoints, namespace: str, secret: str, keys: tuple[str, str]) -> Any:
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    try:
        data: dict[str, str] = api.read_namespaced_secret(secret, namespace).data
        access_key, secret_key = (base64.b64decode(data[key]).decode() for key in keys)
    except (client.ApiException, KeyError) as error:
        raise WorkloadsError(
            f"secret {namespace}/{secret}: cannot be read ({error}); run `make up` first"
        ) from None
    if not access_key:
        # Where pods have identities the Secret holds no keys; callers use their own credentials.
        return boto3.client("s3", region_name=endpoints.object_store_region)
    # The signature covers the host. Without TLS the gateway is used as a proxy, which leaves the host
    # unchanged. The proxy of the environment does not count either way.
    host = endpoints.objects_host
    url = reach(endpoints, host)
    secure = url.startswith("https:")
    settings = Config(
        proxies={} if secure else {"http": url},
        s3={"addressing_style": "path"},
        retries={"max_attempts": 3},
        connect_timeout=5,
        read_timeout=30,
    )
    return boto3.client(
        "s3",
        endpoint_url=url if secure else f"http://{host}",
        region_name=endpoints.object_store_region,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        verify=authorities(endpoints),
        config=settings,
    )


def pipelines_store(endpoints: Endpoints) -> Any:
    """Return an S3 client for the bucket of pipeline artifacts, step logs and users' CSV files."""
    return _store(endpoints, endpoints.pipelines_namespace, OBJECT_STORE_SECRET, ("accesskey", "secretkey"))


def payloads_store(endpoints: Endpoints) -> Any:
    """Return an S3 client for the bucket of recorded requests, with the rights of the delivery controller."""
    return _store(endpoints, "delivery", "delivery-payloads", ("access-key", "secret-key"))


def models_store(endpoints: Endpoints, service_account: str) -> Any:
    """Return an S3 client with the rights of an InferenceService's service account, which may read models."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    account = api.read_namespaced_service_account(service_account, endpoints.models_namespace)
    if not account.secrets:
        raise WorkloadsError(f"service account {service_account}: has no Secret; it cannot read models")
    keys = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
    return _store(endpoints, endpoints.models_namespace, account.secrets[0].name, keys)
