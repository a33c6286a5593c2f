"""Requests through the gateway as whoever runs the tests sends them: with a token where there is a login."""

from collections.abc import Generator

import httpx

from workloads import gateway_access, tokens
from workloads.endpoints import Endpoints


class _Token(httpx.Auth):
    """Adds a token to each request that has none: clients of a whole session outlive their first one."""

    def __init__(self, endpoints: Endpoints) -> None:
        self._endpoints = endpoints

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response]:
        for name, value in tokens.headers(self._endpoints).items():
            request.headers.setdefault(name, value)
        yield request


def connect(endpoints: Endpoints, host: str = "", *, timeout: float = 30) -> httpx.Client:
    """Return a client of one host of the gateway, or without a host of those that its requests name."""
    return httpx.Client(
        base_url=endpoints.gateway_url,
        auth=_Token(endpoints),
        headers={"Host": host} if host else {},
        verify=gateway_access.tls_context(endpoints),
        timeout=timeout,
        trust_env=False,
    )
