"""The ASGI application in front of KServe's: it answers plain JSON predictions itself."""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from predictor import codec
from predictor.errors import MethodError, NotFoundError, RequestError, TooLargeError
from predictor.measurements import Measurements
from predictor.served_model import ServedModel

_LOGGER = logging.getLogger("predictor")
MAX_BODY_BYTES = 8 * 1024 * 1024
# A body beyond the limit is read and dropped up to here: closing earlier resets the connection, and the
# client (or the gateway) reports a broken pipe instead of our answer.
_MAX_DRAINED_BYTES = 64 * 1024 * 1024
# Above this, parsing and predicting take long enough to hold up other requests and the readiness probe.
_THREAD_ABOVE_BYTES = 64 * 1024

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[ServedModel, bytes], bytes]


class _DisconnectedError(Exception):
    """The client disconnected while its body was read."""


class InferenceApplication:
    """Answers predictions and model metadata of one model; passes everything else to the fallback."""

    def __init__(
        self,
        model: ServedModel,
        fallback: Application,
        measurements: Measurements,
        max_body_bytes: int = MAX_BODY_BYTES,
    ) -> None:
        self._model = model
        self._fallback = fallback
        self._measurements = measurements
        self._max_body_bytes = max_body_bytes
        self._predict: dict[str, tuple[str, Answer]] = {
            f"/v1/models/{model.name}:predict": ("v1", codec.answer_v1),
            f"/v2/models/{model.name}/infer": ("v2", codec.answer_v2),
        }
        self._metadata = {
            f"/v1/models/{model.name}": codec.metadata_v1(model),
            f"/v2/models/{model.name}": codec.metadata_v2(model),
        }
        self._digest_header = (b"x-model-digest", model.digest.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or _is_for_kserve(scope["headers"]):
            await self._fallback(scope, receive, send)
            return
        path: str = scope["path"]
        route = self._predict.get(path)
        protocol = route[0] if route else _protocol(path)
        if protocol is None:
            if scope["method"] in ("GET", "HEAD") and path in self._metadata:
                await self._reply(send, 200, self._metadata[path])
                return
            await self._fallback(scope, receive, send)
            return
        await self._answer(scope, receive, send, protocol, route[1] if route else None)

    async def _answer(
        self, scope: Scope, receive: Receive, send: Send, protocol: str, answer: Answer | None
    ) -> None:
        allow = b""
        started = time.perf_counter()
        try:
            if answer is None:
                raise NotFoundError(f"no model at {scope['path']}: this server has {self._model.name!r}")
            if scope["method"] != "POST":
                raise MethodError(f"{scope['method']} is not allowed at {scope['path']}: use POST", "POST")
            body = await self._body(scope["headers"], receive)
            if len(body) > _THREAD_ABOVE_BYTES:
                status, reply = 200, await asyncio.to_thread(answer, self._model, body)
            else:
                status, reply = 200, answer(self._model, body)
        except RequestError as error:
            status, reply = error.status, codec.error_body(str(error))
            allow = error.allowed.encode() if isinstance(error, MethodError) else b""
        except _DisconnectedError:
            return
        except Exception:
            _LOGGER.exception("the model failed on a request to %s", scope["path"])
            status, reply = 500, codec.error_body("the model failed on this request: see the server's log")
        self._measurements.observe(protocol, status, time.perf_counter() - started)
        await self._reply(send, status, reply, allow)

    async def _reply(self, send: Send, status: int, body: bytes, allow: bytes = b"") -> None:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            self._digest_header,
        ]
        if allow:
            headers.append((b"allow", allow))
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _body(self, headers: list[tuple[bytes, bytes]], receive: Receive) -> bytes:
        declared, awaits_consent = _declared_length(headers)
        limit = self._max_body_bytes
        error = TooLargeError(f"the body is larger than {limit} bytes: send fewer rows per request")
        if declared > limit and (awaits_consent or declared > _MAX_DRAINED_BYTES):
            raise error
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise _DisconnectedError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size <= limit:
                chunks.append(chunk)
            if not message.get("more_body", False):
                break
            if size > _MAX_DRAINED_BYTES:
                raise error
        if size > limit:
            raise error
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


def _protocol(path: str) -> str | None:
    """Return the protocol of a prediction path of any model, or None for other paths."""
    if path.startswith("/v1/models/") and path.endswith(":predict"):
        return "v1"
    if path.startswith("/v2/models/") and path.endswith("/infer"):
        return "v2"
    return None


def _is_for_kserve(headers: list[tuple[bytes, bytes]]) -> bool:
    """Return whether a request uses an extension that KServe decodes: CloudEvents or v2 binary tensors."""
    for name, value in headers:
        if name in (b"ce-id", b"ce-specversion", b"inference-header-content-length"):
            return True
        if name == b"content-type" and value.startswith(b"application/cloudevents"):
            return True
    return False


def _declared_length(headers: list[tuple[bytes, bytes]]) -> tuple[int, bool]:
    length, awaits_consent = 0, False
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"expect":
            awaits_consent = True
    return length, awaits_consent
