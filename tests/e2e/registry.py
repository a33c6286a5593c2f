"""Requests to MLflow through the gateway, as no client of it would send them."""

from collections.abc import Mapping
from typing import Any

import httpx

from workloads import gateway_access
from workloads.endpoints import Endpoints


def ask(
    endpoints: Endpoints, method: str, path: str, headers: Mapping[str, str] | None = None, **body: Any
) -> httpx.Response:
    """Return the answer to a request with these headers, besides its host and its token."""
    known = {**gateway_access.headers(endpoints, endpoints.tracking_host), **(headers or {})}
    url, trusted = f"{endpoints.gateway_url}{path}", gateway_access.tls_context(endpoints)
    return httpx.request(method, url, headers=known, timeout=20, verify=trusted, **body)
