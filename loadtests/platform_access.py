"""Access to the platform under load: hosts of its parts, and single calls before and after the load."""

from dataclasses import dataclass
from typing import Any, Final

import requests

from loadtests.errors import LoadtestError
from loadtests.expectations import Expectations
from workloads.endpoints import Endpoints
from workloads.gateway_access import authorities, headers

_SECONDS: Final = 30
MLFLOW: Final = "/api/2.0/mlflow"
"""Path of MLflow's API."""


@dataclass(frozen=True, kw_only=True)
class PlatformAccess:
    """A platform, a permitted target, and the model under load."""

    endpoints: Endpoints
    target: str
    """Address of all requests; the Host header selects the part."""
    model: str
    """Registered model."""
    alias: str = "champion"
    """Alias by which the registry is asked for the model."""
    service: str = ""
    """InferenceService of one version; by default requests go where the model's do."""
    expected: Expectations | None = None
    """Expected answers; by default they are read from the platform."""

    @property
    def model_host(self) -> str:
        """Host of the model, or of the one version under load."""
        return self.endpoints.model_host(self.service or self.model)

    def call(self, method: str, host: str, path: str, body: Any = None) -> requests.Response:
        """Send one request outside of the load.

        Raises:
            LoadtestError: no answer, or a status other than 200.
        """
        with requests.Session() as session:
            # Requests must go to the target, even if the environment names a proxy.
            session.trust_env = False
            session.verify = authorities(self.endpoints)
            try:
                response = session.request(
                    method,
                    f"{self.target}{path}",
                    json=body,
                    headers=headers(self.endpoints, host),
                    timeout=_SECONDS,
                    allow_redirects=False,
                )
            except requests.RequestException as error:
                raise LoadtestError(
                    f"{host} at {self.target}: no answer ({type(error).__name__}); is the platform up?"
                ) from None
        if response.status_code != 200:
            detail = response.text.strip().splitlines() or [response.reason]
            raise LoadtestError(f"{method} {host}{path}: HTTP {response.status_code}: {detail[0][:200]}")
        return response

    def read_expectations(self) -> Expectations:
        """Return the expected answers, by default from the MLflow run that trained the served model."""
        if self.expected is not None:
            return self.expected
        properties = self.call("GET", self.model_host, f"/v2/models/{self.model}").json()["properties"]
        run = properties.get("mlflow_run_id")
        if not run:
            raise LoadtestError(
                f"model {self.model}: has no MLflow run; give --expected FILE with rows and answers"
            )
        path = f"/get-artifact?path=held_back%2Fheld_back.json&run_uuid={run}"
        evidence = self.call("GET", self.endpoints.tracking_host, path).json()
        return Expectations(
            digest=properties["model_digest"], rows=evidence["rows"], probabilities=evidence["probabilities"]
        )
