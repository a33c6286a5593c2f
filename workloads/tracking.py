"""MLflow's own client, pointed at a platform through its gateway."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, ClassVar, Final

from workloads.endpoints import Endpoints
from workloads.gateway_access import authorities, exempt_from_proxies, headers, reach

if TYPE_CHECKING:
    from mlflow import MlflowClient


_AUTHORITY: Final = "MLFLOW_TRACKING_SERVER_CERT_PATH"


class _GatewayHeaders:
    """MLflow request header provider of the Host header, by which the gateway routes, and of the token.

    MLflow has one tracking server and one list of providers per process, so the host is process-wide as well:
    after a second `connect`, all MLflow clients of this process, older ones too, send the new host.
    """

    endpoints: ClassVar[Endpoints | None] = None

    def in_context(self) -> bool:
        return self.endpoints is not None

    def request_headers(self) -> dict[str, str]:
        return headers(self.endpoints, self.endpoints.tracking_host) if self.endpoints else {}


def connect(endpoints: Endpoints) -> MlflowClient:
    """Point MLflow at a platform and return a client; a process can use one platform at a time.

    Raises:
        WorkloadsError: the gateway's certificate is for another name, or of an unknown authority.
    """
    # MLflow takes seconds to import, and programs that only submit a run do not need it.
    from mlflow import MlflowClient, set_tracking_uri
    from mlflow.tracking.request_header import registry

    # The public way would be a plugin of the whole environment.
    providers = registry._request_header_provider_registry  # pyright: ignore[reportPrivateUsage]
    if not any(isinstance(each, _GatewayHeaders) for each in providers):
        providers.register(_GatewayHeaders)
    former, _GatewayHeaders.endpoints = _GatewayHeaders.endpoints, endpoints
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "3")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "20")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # A line for each run that ends, among those of the command.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    url = reach(endpoints, endpoints.tracking_host)
    exempt_from_proxies(url)
    if endpoints.gateway_authority:
        os.environ[_AUTHORITY] = authorities(endpoints)
    elif former is not None and former.gateway_authority:
        # That of the platform before this one is no authority here.
        os.environ.pop(_AUTHORITY, None)
    set_tracking_uri(url)
    return MlflowClient(url)
