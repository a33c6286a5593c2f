"""The ASGI application in front of KServe's: it answers predictions itself and bounds every body."""

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from predictor import codec
from predictor.bodies import Bodies, DisconnectedError, Headers, Message, Receive
from predictor.codec import BinaryReply
from predictor.errors import AnswerError, MethodError, NotFoundError, RequestError
from predictor.measurements import Measurements
from predictor.pages import pages
from predictor.recorder import Recorder
from predictor.request_ids import RequestIds
from predictor.served_model import Look, ServedModel

_LOGGER = logging.getLogger("predictor")
# Above this, parsing and predicting take long enough to hold up other requests and the readiness probe.
_THREAD_ABOVE_BYTES = 64 * 1024
_JSON = b"application/json"
# One version is served; clients of Triton name it in the path.
_VERSION = re.compile(r"^(/v2/models/[^/]+)/versions/[^/]+(/infer|/ready|)$")

Scope = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Answer = Callable[[ServedModel, bytes, Headers, Look | None], bytes | BinaryReply]


class InferenceApplication:
    """Answers predictions and metadata of one model.

    KServe's own application, the fallback, answers CloudEvents, probes and metrics; other paths are 404.
    """

    def __init__(
        self,
        model: ServedModel,
        fallback: Application,
        measurements: Measurements,
        bodies: Bodies,
        recorder: Recorder | None = None,
    ) -> None:
        self._model = model
        self._recorder = recorder
        self._ids = RequestIds()
        self._fallback = fallback
        self._measurements = measurements
        self._bodies = bodies
        self._predict: dict[str, tuple[str, Answer]] = {
            f"/v1/models/{model.name}:predict": ("v1", _answer_v1),
            f"/v2/models/{model.name}/infer": ("v2", _answer_v2),
            "/invocations": ("invocations", _answer_invocations),
        }
        self._pages = pages(model)
        self._probes = {"/", "/v2/health/live", "/v2/health/ready", f"/v2/models/{model.name}/ready"}
        self._digest_header = (b"x-model-digest", model.digest.encode())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            await self._fallback(scope, receive, send)
            return
        path: str = scope["path"]
        route = self._predict.get(path)
        if route is None and "/versions/" in path and (versioned := _VERSION.match(path)):
            path = versioned[1] + versioned[2]
            scope = {**scope, "path": path, "raw_path": path.encode()}
            route = self._predict.get(path)
        protocol = route[0] if route else _protocol(path)
        identity = self._ids.of(scope["headers"])
        if protocol is not None and (route is None or not _is_cloud_event(scope["headers"])):
            await self._answer(scope, receive, send, protocol, route[1] if route else None, identity)
        elif route is not None:
            await self._bounded_fallback(scope, receive, send, identity)
        elif path in self._pages or path in self._probes or _is_scrape(path, scope["headers"]):
            await self._show(scope, receive, send, path, identity)
        else:
            error = NotFoundError(f"nothing at {path}: this server has the model {self._model.name!r}")
            await self._refuse(send, error, identity)

    async def _show(self, scope: Scope, receive: Receive, send: Send, path: str, identity: bytes) -> None:
        if scope["method"] not in ("GET", "HEAD"):
            message = f"{scope['method']} is not allowed at {path}: use GET"
            await self._refuse(send, MethodError(message, "GET"), identity)
        elif path in self._pages:
            await self._reply(send, 200, self._pages[path], identity)
        else:
            await self._fallback(scope, receive, send)

    async def _answer(
        self,
        scope: Scope,
        receive: Receive,
        send: Send,
        protocol: str,
        answer: Answer | None,
        identity: bytes,
    ) -> None:
        headers: Headers = []
        look = None if self._recorder is None else self._recorder.look(identity)
        reply: bytes | BinaryReply
        started = time.perf_counter()
        try:
            if answer is None:
                raise NotFoundError(f"no model at {scope['path']}: this server has {self._model.name!r}")
            if scope["method"] != "POST":
                raise MethodError(f"{scope['method']} is not allowed at {scope['path']}: use POST", "POST")
            body = await self._bodies.read(scope["headers"], receive)
            try:
                status, reply = 200, await self._answered(answer, body, scope["headers"], look)
            finally:
                self._bodies.release(len(body))
        except RequestError as error:
            status, reply, headers = error.status, codec.error_body(str(error)), list(error.headers)
        except DisconnectedError:
            return
        except AnswerError as error:
            _LOGGER.error("the answer to a request to %s: %s", scope["path"], error)
            status, reply = 500, codec.error_body(str(error))
        except Exception:
            _LOGGER.exception("the model failed on a request to %s", scope["path"])
            status, reply = 500, codec.error_body("the model failed on this request: see the server's log")
        self._measurements.observe(protocol, status, time.perf_counter() - started)
        await self._reply(send, status, reply, identity, headers)
        if look is not None and status == 200:
            # The caller has the answer.
            look.record(reply, scope["headers"])

    async def _answered(
        self, answer: Answer, body: bytes, headers: Headers, look: Look | None
    ) -> bytes | BinaryReply:
        if len(body) <= _THREAD_ABOVE_BYTES:
            return answer(self._model, body, headers, look)
        async with self._bodies.turn(len(body)):
            return await asyncio.to_thread(answer, self._model, body, headers, look)

    async def _reply(
        self,
        send: Send,
        status: int,
        reply: bytes | BinaryReply,
        identity: bytes,
        more: Headers | None = None,
    ) -> None:
        kind, body = _JSON, reply
        headers: Headers = more or []
        if isinstance(body, BinaryReply):
            headers = [*headers, (b"inference-header-content-length", str(len(body.head)).encode())]
            kind, body = b"application/octet-stream", body.head + body.payload
        headers = [
            (b"content-type", kind),
            (b"content-length", str(len(body)).encode()),
            self._digest_header,
            (b"x-request-id", identity),
            *headers,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    async def _refuse(self, send: Send, error: RequestError, identity: bytes) -> None:
        await self._reply(send, error.status, codec.error_body(str(error)), identity, list(error.headers))

    async def _bounded_fallback(self, scope: Scope, receive: Receive, send: Send, identity: bytes) -> None:
        """Pass a CloudEvent on, within the same limits, decompressed."""
        try:
            body = await self._bodies.read(scope["headers"], receive)
        except RequestError as error:
            await self._refuse(send, error, identity)
            return
        except DisconnectedError:
            return
        kept = [each for each in scope["headers"] if each[0] not in (b"content-encoding", b"content-length")]
        scope = {**scope, "headers": [*kept, (b"content-length", str(len(body)).encode())]}
        unread = [body]

        async def replay() -> Message:
            if unread:
                return {"type": "http.request", "body": unread.pop(), "more_body": False}
            return await receive()

        async def send_identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                message = {**message, "headers": [*message["headers"], (b"x-request-id", identity)]}
            await send(message)

        try:
            async with self._bodies.turn(len(body)):
                await self._fallback(scope, replay, send_identified)
        finally:
            self._bodies.release(len(body))


def _answer_v1(model: ServedModel, body: bytes, _: Headers, look: Look | None) -> bytes:
    return codec.answer_v1(model, body, look)


def _answer_v2(model: ServedModel, body: bytes, headers: Headers, look: Look | None) -> bytes | BinaryReply:
    for name, value in headers:
        if name == b"inference-header-content-length":
            if not value.isdigit():
                raise RequestError("inference-header-content-length must be a number of bytes")
            return codec.answer_v2(model, body, int(value), look)
    return codec.answer_v2(model, body, look=look)


def _answer_invocations(model: ServedModel, body: bytes, headers: Headers, look: Look | None) -> bytes:
    for name, value in headers:
        if name == b"content-type" and value.startswith(b"text/csv"):
            return codec.answer_csv(model, body, look)
    return codec.answer_invocations(model, body, look)


def _protocol(path: str) -> str | None:
    """Return the protocol of a prediction path of any model, or None for other paths."""
    if path.startswith("/v1/models/") and path.endswith(":predict"):
        return "v1"
    if path.startswith("/v2/models/") and path.endswith("/infer"):
        return "v2"
    return None


def _is_scrape(path: str, headers: Headers) -> bool:
    """Return whether a request is Prometheus': the gateway, which users come through, names the client."""
    return path == "/metrics" and not any(name == b"x-forwarded-for" for name, _ in headers)


def _is_cloud_event(headers: Headers) -> bool:
    """Return whether a request is a CloudEvent, which KServe decodes."""
    for name, value in headers:
        if name in (b"ce-id", b"ce-specversion"):
            return True
        if name == b"content-type" and value.startswith(b"application/cloudevents"):
            return True
    return False
