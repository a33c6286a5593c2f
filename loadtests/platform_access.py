"""What a load run knows of the platform: where its parts answer; single calls before and after the load."""

from dataclasses import dataclass
from typing import Any, Final

import requests

from loadtests.errors import LoadtestError
from loadtests.expectations import Expectations
from workloads.endpoints import Endpoints

_SECONDS: Final = 30
MLFLOW: Final = "/api/2.0/mlflow"
"""Path of MLflow's API."""


@dataclass(frozen=True, kw_only=True)
class PlatformAccess:
    """One platform, one permitted target, and the model that is asked about."""

    endpoints: Endpoints
    target: str
    """Address that all requests go to; hosts are named in a header."""
    model: str
    """Registered model."""
    alias: str = "champion"
    """Under which the registry is asked for the model."""
    service: str = ""
    """Inference service; the model's own where none is given."""
    expected: Expectations | None = None
    """What it must answer; found out from the platform where none is given."""

    @property
    def service_name(self) -> str:
        """The inference service that is asked."""
        return self.service or self.model

    @property
    def model_host(self) -> str:
        """Host of the inference service."""
        return self.endpoints.model_host(self.service_name)

    def call(self, method: str, host: str, path: str, body: Any = None) -> requests.Response:
        """Make one call outside of the load.

        Raises:
            LoadtestError: no answer, or a status other than 200.
        """
        with requests.Session() as session:
            # Whatever proxy the user's environment names: load and its preparations go to the target.
            session.trust_env = False
            try:
                response = session.request(
                    method,
                    f"{self.target}{path}",
                    json=body,
                    headers={"Host": host},
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

    def expectations(self) -> Expectations:
        """Return what the served model must answer, from the MLflow run that trained it."""
        if self.expected is not None:
            return self.expected
        said = self.call("GET", self.model_host, f"/v2/models/{self.service_name}").json()["properties"]
        run = said.get("mlflow_run_id")
        if not run:
            raise LoadtestError(
                f"model {self.service_name}: names no MLflow run; give --expected FILE with rows and answers"
            )
        path = f"/get-artifact?path=held_back%2Fheld_back.json&run_uuid={run}"
        evidence = self.call("GET", self.endpoints.tracking_host, path).json()
        return Expectations(
            digest=said["model_digest"], rows=evidence["rows"], probabilities=evidence["probabilities"]
        )
