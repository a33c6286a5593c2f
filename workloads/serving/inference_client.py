"""Client of a served model, through the gateway, by both protocols."""

from collections.abc import Sequence
from typing import Any

import requests

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import direct_session
from workloads.serving.request_parts import in_parts, matrix_input

Rows = Sequence[Sequence[float]]


def v2_rows(answer: dict[str, Any]) -> list[Any]:
    """Return the rows of the first output of an Open Inference Protocol response; or its values."""
    output = answer["outputs"][0]
    if len(output["shape"]) == 1:
        return output["data"]
    count, width = output["shape"]
    return [output["data"][at * width : (at + 1) * width] for at in range(count)]


class InferenceClient:
    """A keep-alive connection to one model."""

    def __init__(
        self, endpoints: Endpoints, model_name: str, *, service: str = "", timeout_seconds: float = 30
    ) -> None:
        """Prepare the session; no request is sent yet.

        Args:
            endpoints: The platform.
            model_name: The model.
            service: InferenceService of one version of it; by default requests go where the model's do.
            timeout_seconds: Of each request.
        """
        host = endpoints.model_host(service or model_name)
        self._url = endpoints.url(host)
        self._name = model_name
        self._timeout = timeout_seconds
        self._session = direct_session(endpoints, host)

    def predict_v1(self, rows: Sequence[Any]) -> list[Any]:
        """Return the answer to each row, a list or an object by feature, by KServe's v1 protocol."""
        path = f"/v1/models/{self._name}:predict"
        return [
            answer
            for part in in_parts(rows)
            for answer in self._call("POST", path, {"instances": part})["predictions"]
        ]

    def predict_v2(self, rows: Rows) -> list[Any]:
        """Return the answer to each row of a matrix, by the Open Inference Protocol, in parts."""
        return [answer for part in in_parts(rows) for answer in self.infer(matrix_input(part))]

    def infer(self, body: dict[str, Any]) -> list[Any]:
        """Return the rows of the first output for a body of the Open Inference Protocol."""
        return v2_rows(self._call("POST", f"/v2/models/{self._name}/infer", body))

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
