"""Client of a served model, through the gateway, by both protocols."""

from collections.abc import Sequence
from typing import Any

import requests

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import direct_session

Rows = Sequence[Sequence[float]]


def v2_request(rows: Rows) -> dict[str, Any]:
    """Return the body of an Open Inference Protocol request with all rows in one tensor."""
    flat = [value for row in rows for value in row]
    tensor = {"name": "input-0", "shape": [len(rows), len(rows[0])], "datatype": "FP64", "data": flat}
    return {"inputs": [tensor]}


def v2_rows(answer: dict[str, Any]) -> list[list[float]]:
    """Return the rows of the first output of an Open Inference Protocol response."""
    output = answer["outputs"][0]
    count, width = output["shape"]
    return [output["data"][at * width : (at + 1) * width] for at in range(count)]


class InferenceClient:
    """A keep-alive connection to one model."""

    def __init__(self, endpoints: Endpoints, model_name: str, *, timeout_seconds: float = 30) -> None:
        """Prepare the session; nothing is sent yet."""
        self._url = endpoints.gateway_url
        self._name = model_name
        self._timeout = timeout_seconds
        self._session = direct_session(endpoints.model_host(model_name))

    def predict_v1(self, rows: Rows) -> list[list[float]]:
        """Return the probabilities of each row, by KServe's v1 protocol."""
        return self._call("POST", f"/v1/models/{self._name}:predict", {"instances": rows})["predictions"]

    def predict_v2(self, rows: Rows) -> list[list[float]]:
        """Return the probabilities of each row, by the Open Inference Protocol."""
        return v2_rows(self._call("POST", f"/v2/models/{self._name}/infer", v2_request(rows)))

    def properties(self) -> dict[str, str]:
        """Return the predictor's properties of the loaded model, including model_digest."""
        return self._call("GET", f"/v2/models/{self._name}", None)["properties"]

    def _call(self, method: str, path: str, body: Any) -> dict[str, Any]:
        try:
            response = self._session.request(method, f"{self._url}{path}", json=body, timeout=self._timeout)
        except requests.RequestException as error:
            raise WorkloadsError(f"model {self._name}: no answer ({type(error).__name__}): {error}") from None
        if not response.ok:
            raise WorkloadsError(
                f"model {self._name}: HTTP {response.status_code}: {response.text[:200].strip()}"
            )
        return response.json()
