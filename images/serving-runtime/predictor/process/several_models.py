"""The ASGI application of a process that has several models: the path of a request names the model."""

import re
from collections.abc import Mapping

import orjson

from predictor import codec
from predictor.application import Application, Scope, Send
from predictor.bodies import Message, Receive
from predictor.request_ids import RequestIds

_MODEL = re.compile(r"^/v[12]/models/([^/:]+)")
_LISTS = ("/v1/models", "/v2/models")
# MLflow's own path names no model.
_NAMELESS = "/invocations"
_READY = "/v2/health/ready"


class SeveralModels:
    """Gives each request to the application of the model that its path names.

    All models answer on one port, in one thread: a request waits for those before it, whatever model they are
    for.
    """

    def __init__(self, name: str, applications: Mapping[str, Application]) -> None:
        """Take the applications.

        Args:
            name: Of the service, under which KServe asks whether it is ready.
            applications: Application of each model, by the model's name; at least one.
        """
        self._applications = applications
        # Each has the same health, metrics and version.
        self._any = next(iter(applications.values()))
        self._ids = RequestIds()
        self._list = orjson.dumps({"models": [*applications]})
        self._ready = f"/v2/models/{name}/ready"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope.get("path", "")
        if path in _LISTS and scope["method"] in ("GET", "HEAD"):
            await self._reply(scope, send, 200, self._list)
            return
        named = _MODEL.match(path)
        application = self._applications.get(named[1]) if named else None
        if application is None and path == self._ready:
            scope = {**scope, "path": _READY, "raw_path": _READY.encode()}
        elif application is None and (named or path == _NAMELESS):
            have = ", ".join(self._applications)
            text = f"no model at {path[:200]}: this server has {have}; name one as in /v1/models/NAME:predict"
            await self._reply(scope, send, 404, codec.error_body(text))
            return
        await (application or self._any)(scope, receive, send)

    async def _reply(self, scope: Scope, send: Send, status: int, body: bytes) -> None:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-length", str(len(body)).encode()),
            (b"x-request-id", self._ids.of(scope["headers"])),
        ]
        start: Message = {"type": "http.response.start", "status": status, "headers": headers}
        await send(start)
        await send({"type": "http.response.body", "body": body})
