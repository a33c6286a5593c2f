"""A server that records, in memory: the application, the recorder and its pages."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
from predictor.application import InferenceApplication
from predictor.bodies import Bodies, Message
from predictor.matrix import Matrix
from predictor.measurements import Measurements, requests_counter
from predictor.monitoring import Monitoring
from predictor.recorder import Recorder, RecordSettings
from predictor.reference import Reference
from predictor.served_model import ServedModel
from prometheus_client import CollectorRegistry

from tests.unit.images.serving_runtime.models import DIGEST

V1 = "/v1/models/wine:predict"
V2 = "/v2/models/wine/infer"
START = "5" * 16


def matrix_model(predict: Any = None, names: tuple[str, ...] = ("a", "b", "c")) -> ServedModel:
    """Return a model that is surer of the second class the larger the sum of a row is."""

    def answer(matrix: Any) -> Any:
        share = 1 / (1 + np.exp(-matrix.sum(axis=1)))
        return np.column_stack([1 - share, share])

    return ServedModel(
        name="wine",
        digest=DIGEST,
        matrix=Matrix(width=3, dtype=np.dtype("float64"), names=names),
        schema=None,
        predict_matrix=predict or answer,
        predict_any=None,  # pyright: ignore[reportArgumentType]
        properties={"model_digest": DIGEST, "classes": '["low", "high"]'},
    )


def v1(*rows: Sequence[float]) -> bytes:
    """Return a v1 request."""
    return json.dumps({"instances": rows}).encode()


class Reply:
    """An answer."""

    def __init__(self, messages: list[Message]) -> None:
        self.status: int = messages[0]["status"]
        self.headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
        self.chunks = [each["body"] for each in messages[1:] if each["body"]]
        self.content = b"".join(self.chunks)

    @property
    def body(self) -> Any:
        """The JSON."""
        return json.loads(self.content)

    @property
    def lines(self) -> list[Any]:
        """The JSON of each line."""
        return [json.loads(each) for each in self.content.splitlines()]


class RecordingServer:
    """The application, with and without HTTP between."""

    def __init__(
        self,
        settings: RecordSettings | None = None,
        reference: Reference | None = None,
        model: ServedModel | None = None,
    ) -> None:
        model = model or matrix_model()
        settings = settings or RecordSettings(sample_rate=1.0)
        self.recorder = Recorder(model, settings, reference, START, clock=lambda: 1.5)
        measurements = Measurements("wine", requests_counter(CollectorRegistry()))
        self._application = InferenceApplication(
            model, _fallback, measurements, Bodies(), recorder=self.recorder
        )
        self._monitoring = Monitoring(self.recorder)

    async def asked(self, application: Any, scope: dict[str, Any], body: bytes = b"") -> Reply:
        """Return the answer of an application to one request."""
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def collect(message: Message) -> None:
            sent.append(message)

        await application({"type": "http", "headers": [], **scope}, receive, collect)
        return Reply(sent)

    async def predicted(
        self, body: bytes, path: str = V1, identity: str | None = None, headers: Any = ()
    ) -> Reply:
        """Return the answer to a prediction request."""
        given = [(b"x-request-id", identity.encode())] if identity is not None else []
        scope = {"method": "POST", "path": path, "headers": [*given, *headers]}
        return await self.asked(self._application, scope, body)

    def predict(self, body: bytes, path: str = V1, identity: str | None = None, headers: Any = ()) -> Reply:
        """Return the answer to a prediction request."""
        return asyncio.run(self.predicted(body, path, identity, headers))

    async def pulled(self, path: str, query: str = "", method: str = "GET") -> Reply:
        """Return a page of the recorder."""
        scope = {"method": method, "path": path, "query_string": query.encode()}
        return await self.asked(self._monitoring, scope)

    def pull(self, path: str, query: str = "", method: str = "GET") -> Reply:
        """Return a page of the recorder."""
        return asyncio.run(self.pulled(path, query, method))


async def _fallback(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 299, "headers": []})
    await send({"type": "http.response.body", "body": b'"fallback"'})
