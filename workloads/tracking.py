"""MLflow's own client, pointed at a platform through its gateway."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Final

from workloads.endpoints import Endpoints

if TYPE_CHECKING:
    from mlflow import MlflowClient

_HOSTS: Final[list[str]] = []


class _GatewayHost:
    """Names the host that the gateway routes by, as one of MLflow's providers of headers: no DNS knows it."""

    def in_context(self) -> bool:
        return bool(_HOSTS)

    def request_headers(self) -> dict[str, str]:
        return {"Host": _HOSTS[-1]}


def connect(endpoints: Endpoints) -> MlflowClient:
    """Make this process's MLflow speak to a platform; return a client of it."""
    # Not above: MLflow takes seconds to import, and who only submits a run does not need it.
    from mlflow import MlflowClient, set_tracking_uri
    from mlflow.tracking.request_header import registry

    if not _HOSTS:
        # The public way would be a plugin of the whole environment.
        registry._request_header_provider_registry.register(_GatewayHost)  # pyright: ignore[reportPrivateUsage]
    _HOSTS.append(endpoints.tracking_host)
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # The server would hand out addresses of the object store that only the cluster knows.
    os.environ.setdefault("MLFLOW_ENABLE_PROXY_MULTIPART_DOWNLOAD", "false")
    os.environ.setdefault("MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD", "false")
    set_tracking_uri(endpoints.gateway_url)
    return MlflowClient(endpoints.gateway_url)
