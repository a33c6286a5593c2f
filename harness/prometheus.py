"""Client of a platform's Prometheus, through its gateway."""

import time
from typing import Any

import httpx

from workloads.endpoints import Endpoints
from workloads.gateway_access import headers, reach, tls_context


class PrometheusError(Exception):
    """Prometheus rejected a request; the text has the request and the reason."""


class Prometheus:
    """The HTTP API of one Prometheus."""

    def __init__(self, endpoints: Endpoints) -> None:
        """Prepare the connection; no request is sent yet."""
        host = endpoints.prometheus_host
        # Directly, as all clients of the gateway (workloads/gateway_access.py).
        self._client = httpx.Client(
            base_url=reach(endpoints, host),
            headers=headers(endpoints, host),
            verify=tls_context(endpoints),
            timeout=30,
            trust_env=False,
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def _get(self, path: str, **parameters: str) -> Any:
        answer = self._client.get(f"/api/v1/{path}", params=parameters)
        body = answer.json() if "json" in answer.headers.get("content-type", "") else {}
        if answer.status_code != 200:
            raise PrometheusError(f"{path} {parameters}: {body.get('error', answer.text)}")
        return body["data"]

    def samples(self, query: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and current value of every series in a query's result."""
        data = self._get("query", query=query)
        if data["resultType"] == "scalar":
            return [({}, float(data["result"][1]))]
        return [(each["metric"], float(each["value"][1])) for each in data["result"]]

    def ranges(
        self, query: str, *, since: float, step_seconds: float
    ) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """Return the labels of every series in a query's result, and its (Unix time, value) since a time."""
        now = time.time()
        data = self._get("query_range", query=query, start=f"{since}", end=f"{now}", step=f"{step_seconds}")
        return [
            (each["metric"], [(float(at), float(value)) for at, value in each["values"]])
            for each in data["result"]
        ]

    def has(self, metric: str) -> bool:
        """Return whether a metric has a sample."""
        return bool(self.samples(f"count({metric})"))

    def targets(self) -> dict[str, list[tuple[str, str]]]:
        """Return (health, last error) of every target, by job."""
        found: dict[str, list[tuple[str, str]]] = {}
        for each in self._get("targets", state="active")["activeTargets"]:
            found.setdefault(each["labels"]["job"], []).append((each["health"], each["lastError"]))
        return found

    def rules(self) -> list[dict[str, Any]]:
        """Return all rules with their health."""
        return [rule for group in self._get("rules")["groups"] for rule in group["rules"]]

    def firing(self) -> set[str]:
        """Return the names of the firing alerts."""
        return {
            each["labels"]["alertname"] for each in self._get("alerts")["alerts"] if each["state"] == "firing"
        }
