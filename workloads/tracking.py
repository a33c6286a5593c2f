"""MLflow's own client, pointed at a platform through its gateway."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar

from workloads.endpoints import Endpoints
from workloads.gateway_access import exempt_from_proxies, reach

if TYPE_CHECKING:
    from mlflow import MlflowClient


class _GatewayHost:
    """MLflow request header provider of the Host header, by which the gateway routes.

    MLflow has one tracking server and one list of providers per process, so the host is process-wide as well:
    after a second `connect`, all MLflow clients of this process, older ones too, send the new host.
    """

    host: ClassVar[str] = ""

    def in_context(self) -> bool:
        return bool(self.host)

    def request_headers(self) -> dict[str, str]:
        return {"Host": self.host}


def connect(endpoints: Endpoints) -> MlflowClient:
    """Point MLflow at a platform and return a client; a process can use one platform at a time.

    Raises:
        WorkloadsError: the gateway's certificate is for another name, or of an unknown authority.
    """
    # MLflow takes seconds to import, and programs that only submit a run do not need it.
    from mlflow import MlflowClient, set_tracking_uri
    from mlflow.tracking.request_header import registry

    if not _GatewayHost.host:
        # The public way would be a plugin of the whole environment.
        registry._request_header_provider_registry.register(_GatewayHost)  # pyright: ignore[reportPrivateUsage]
    _GatewayHost.host = endpoints.tracking_host
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    url = reach(endpoints, endpoints.tracking_host)
    exempt_from_proxies(url)
    set_tracking_uri(url)
    return MlflowClient(url)
