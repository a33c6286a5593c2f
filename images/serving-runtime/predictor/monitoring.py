"""What the recorder has, over HTTP, for pullers inside the cluster: `/bins`, `/payloads` and `/golden`."""

import asyncio
import base64
import contextlib
import logging
import socket
from collections.abc import AsyncGenerator, Generator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs

import orjson
import uvicorn

from predictor import codec
from predictor.bodies import Headers, Message, Receive
from predictor.codec import BinaryReply
from predictor.recorder import Recorder
from predictor.ring import Entry

_LOGGER = logging.getLogger("predictor")
_MOST_REQUESTS = 1000
_MOST_BYTES = 4 * 1024 * 1024
# What is encoded without letting other requests in between.
_SLICE_ROWS = 256
_SLICE_BYTES = 64 * 1024
_OPTIONS = orjson.OPT_SERIALIZE_NUMPY


class Monitoring:
    """The ASGI application that pullers ask.

    Reading counts or payloads never holds up a prediction for longer than it takes to encode one slice.
    """

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self._lines = Lines(recorder)
        # One answer's entries are in memory besides the ring's.
        self._turn = asyncio.Lock()

    async def __call__(self, scope: Any, receive: Receive, send: Any) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        if scope["method"] != "GET":
            await _reply(send, 405, codec.error_body("use GET"), [(b"allow", b"GET")])
        elif scope["path"] == "/bins":
            await _reply(send, 200, orjson.dumps(self._recorder.counts()))
        elif scope["path"] == "/payloads":
            await self._payloads(scope.get("query_string", b""), send)
        elif scope["path"] == "/golden":
            await self._golden(send)
        else:
            await _reply(send, 404, codec.error_body("there are /bins, /payloads and /golden"))

    async def _golden(self, send: Any) -> None:
        reference = self._recorder.reference
        if reference is None or not reference.golden:
            await _reply(send, 404, codec.error_body("the model carries no golden rows"))
            return
        await _reply(send, 200, reference.golden)

    async def _payloads(self, query: bytes, send: Any) -> None:
        given = parse_qs(query.decode("latin-1"))
        limit = given.get("limit", [str(_MOST_REQUESTS)])[-1]
        if not limit.isascii() or not limit.isdigit() or not 1 <= int(limit) <= _MOST_REQUESTS:
            message = f"limit is {limit[:20]!r}: give a number from 1 to {_MOST_REQUESTS}"
            await _reply(send, 400, codec.error_body(message))
            return
        recorder = self._recorder
        async with self._turn:
            # Of another process, whose numbers mean other requests: nothing of this one is stored yet.
            start, _, sequence = given.get("after", [""])[-1].rpartition("-")
            if start == recorder.start and sequence.isascii() and sequence.isdigit():
                recorder.ring.acknowledge(int(sequence))
            entries = recorder.ring.first(int(limit), _MOST_BYTES)
            following = entries[-1].sequence if entries else recorder.ring.sequence
            facts = {
                b"x-payloads-next": f"{recorder.start}-{following}",
                b"x-payloads-dropped-requests": str(recorder.ring.dropped_requests),
                b"x-payloads-dropped-rows": str(recorder.ring.dropped_rows),
                b"x-model-digest": recorder.model.digest,
            }
            headers = [(b"content-type", b"application/jsonl")]
            headers += [(name, value.encode()) for name, value in facts.items()]
            await send({"type": "http.response.start", "status": 200, "headers": headers})
            for some in _slices(entries):
                body = b"".join(self._lines.line(each) for each in some)
                await send({"type": "http.response.body", "body": body, "more_body": True})
                await _OtherTasks()
            await send({"type": "http.response.body", "body": b""})


class Lines:
    """Recorded requests in the form of SageMaker's data capture, one JSON object per line."""

    def __init__(self, recorder: Recorder) -> None:
        # Of a matrix all but its numbers is the same in every line, and numbers have nothing to escape.
        rows = {"dataframe_split": {"columns": recorder.names, "data": 0}}
        given = orjson.dumps(rows if recorder.names else {"instances": 0})
        self._before, _, self._after = orjson.dumps(_captured("INPUT", given)).rpartition(b"0")
        self._second = 0
        self._until_second = ""

    def line(self, entry: Entry) -> bytes:
        """Return one request and its answer, the answer byte for byte."""
        event: dict[str, Any] = {"eventId": entry.identity.decode()}
        if entry.unit:
            event["customAttributes"] = [f"unit={entry.unit.decode()}"]
        event["inferenceTime"] = self._time(entry.seconds)
        record = {
            "captureData": {
                "endpointInput": self._input(entry.given),
                "endpointOutput": _captured("OUTPUT", entry.reply),
            },
            "eventMetadata": event,
            "eventVersion": "0",
        }
        return orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE)

    def _time(self, seconds: float) -> str:
        """Return a time in RFC 3339; many entries are of one second."""
        second = int(seconds)
        if second != self._second:
            self._second = second
            self._until_second = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._until_second}.{int((seconds - second) * 1000):03d}Z"

    def _input(self, given: Any) -> Any:
        if isinstance(given, bytes):
            return _captured("INPUT", given)
        return orjson.Fragment(self._before + orjson.dumps(given, _listed, _OPTIONS) + self._after)


def _listed(given: Any) -> Any:
    """Return an array that orjson does not write by itself as lists: no entry may hold up those behind it."""
    return given.tolist()


@asynccontextmanager
async def serving(recorder: Recorder | None, port: int) -> AsyncGenerator[None]:
    """Serve the recorder's pages on a port of their own, if there is a recorder.

    Predictions go on without the port, should it be taken.
    """
    listener = None if recorder is None else _listener(port)
    if recorder is None or listener is None:
        yield
        return
    config = uvicorn.Config(
        Monitoring(recorder),
        log_config=None,
        access_log=False,
        lifespan="off",
        ws="none",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield
    finally:
        server.should_exit = True
        await task


class _OtherTasks:
    """Lets the event loop run what is ready, such as predictions, before it goes on."""

    def __await__(self) -> Generator[None]:
        yield


class _Server(uvicorn.Server):
    """A second server in a process whose signals belong to the first."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


def _listener(port: int) -> socket.socket | None:
    try:
        return socket.create_server(("0.0.0.0", port))
    except OSError as error:
        _LOGGER.error("port %d cannot be opened, so nobody can pull what is recorded: %s", port, error)
        return None


def _slices(entries: list[Entry]) -> Iterator[list[Entry]]:
    some: list[Entry] = []
    rows = size = 0
    for each in entries:
        if some and (rows + each.rows > _SLICE_ROWS or size + each.size > _SLICE_BYTES):
            yield some
            some, rows, size = [], 0, 0
        some.append(each)
        rows += each.rows
        size += each.size
    if some:
        yield some


def _captured(mode: str, data: bytes | BinaryReply) -> dict[str, str]:
    if isinstance(data, BinaryReply):
        text = base64.b64encode(data.head + data.payload).decode()
        return {
            "observedContentType": "application/octet-stream",
            "mode": mode,
            "data": text,
            "encoding": "BASE64",
        }
    return {
        "observedContentType": "application/json",
        "mode": mode,
        "data": data.decode(),
        "encoding": "JSON",
    }


async def _reply(send: Any, status: int, body: bytes, headers: Headers | None = None) -> None:
    known = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
    message: Message = {
        "type": "http.response.start",
        "status": status,
        "headers": [*known, *(headers or [])],
    }
    await send(message)
    await send({"type": "http.response.body", "body": body})
