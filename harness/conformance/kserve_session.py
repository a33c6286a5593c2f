"""What a stranger does with the stock kserve client: create a service, call it, delete it.

It runs as a script in an environment with the kserve package, which excludes that of kfp. Arguments:
namespace, URI of an MLflow model with four numeric columns, address of the gateway, domain. The cluster is
that of KUBECONFIG; TOKEN is for the gateway's login, if it has one.
"""

import asyncio
import os
import sys
import uuid

from kserve import (  # pyright: ignore[reportMissingImports]
    InferenceRESTClient,
    KServeClient,
    RESTConfig,
    V1beta1InferenceService,
    V1beta1InferenceServiceSpec,
    V1beta1ModelFormat,
    V1beta1ModelSpec,
    V1beta1PredictorSpec,
)
from kubernetes.client import V1ObjectMeta

_READY_SECONDS = 300


async def _predict(gateway: str, headers: dict[str, str], name: str) -> object:
    client = InferenceRESTClient(RESTConfig(protocol="v1", timeout=30))
    body = {"instances": [[1.0, 2.0, 3.0, 4.0], [0.0, 0.0, 0.0, 0.0]]}
    return await client.infer(gateway, body, model_name=name, headers=headers)


def main(namespace: str, model: str, gateway: str, domain: str) -> None:
    """Create, call and delete a service; print its answer."""
    client = KServeClient()
    name = f"stranger-{uuid.uuid4().hex[:6]}"
    service = V1beta1InferenceService(
        api_version="serving.kserve.io/v1beta1",
        kind="InferenceService",
        metadata=V1ObjectMeta(name=name, namespace=namespace),
        spec=V1beta1InferenceServiceSpec(
            predictor=V1beta1PredictorSpec(
                model=V1beta1ModelSpec(model_format=V1beta1ModelFormat(name="mlflow"), storage_uri=model)
            )
        ),
    )
    client.create(service)
    try:
        client.wait_isvc_ready(name, namespace=namespace, timeout_seconds=_READY_SECONDS)
        headers = {"Host": f"{name}-{namespace}.{domain}"}
        if token := os.environ.get("TOKEN"):
            headers["Authorization"] = f"Bearer {token}"
        sys.stdout.write(f"{asyncio.run(_predict(gateway, headers, name))}\n")
    finally:
        client.delete(name, namespace=namespace)


if __name__ == "__main__":
    main(*sys.argv[1:5])
