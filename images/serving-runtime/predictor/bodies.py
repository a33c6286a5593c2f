"""Reads request bodies: up to a limit of each, decoded, and no more at once than memory allows."""

import asyncio
import zlib
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from typing import Any

from predictor.errors import BusyError, EncodingError, RequestError, TooLargeError

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Headers = list[tuple[bytes, bytes]]

MAX_BODY_BYTES = 8 * 1024 * 1024
# Bodies that are held at once, each up to the limit; of each, a share of the limit is not counted, so that
# clients who hold back large bodies keep no small ones out.
_HELD_BODIES = 8
_UNCOUNTED_SHARE = 128
# A body beyond the limit is read and dropped up to here: closing earlier resets the connection, and the
# client (or the gateway) reports a broken pipe instead of our answer.
_MAX_DRAINED_BYTES = 64 * 1024 * 1024
_GZIP = 31


class DisconnectedError(Exception):
    """The client disconnected while its body was read."""


class Bodies:
    """The bodies that this process holds.

    JSON takes many times its size once it is parsed, so large bodies are handled one after another, and
    further ones are refused as soon as those that wait take their share of the memory.
    """

    def __init__(self, max_body_bytes: int = MAX_BODY_BYTES) -> None:
        self._limit = max_body_bytes
        self._uncounted = max_body_bytes // _UNCOUNTED_SHARE
        self._free = _HELD_BODIES * max_body_bytes
        self._turns = _Turns(max_body_bytes)

    @asynccontextmanager
    async def turn(self, size: int) -> AsyncGenerator[None]:
        """Wait until a body of a size may be parsed."""
        await self._turns.take(size)
        try:
            yield
        finally:
            self._turns.give(size)

    async def read(self, headers: Headers, receive: Receive) -> bytes:
        """Return a body, decompressed; `release` must follow.

        Raises:
            TooLargeError: it is beyond the limit, compressed or not.
            EncodingError: it is compressed, but not by gzip.
            BusyError: the bodies of other requests fill the memory.
            RequestError: it is not what its encoding says.
            DisconnectedError: the client went away.
        """
        declared, awaits_consent, encoding = _facts(headers)
        error: RequestError | None = None
        decoder = None
        if encoding == b"gzip":
            decoder = zlib.decompressobj(_GZIP)
        elif encoding not in (b"", b"identity"):
            error = EncodingError(
                f"content-encoding {encoding.decode('latin-1')[:40]!r}: send plain bodies or gzip"
            )
        if declared > self._limit:
            error = error or self._too_large()
            if awaits_consent or declared > _MAX_DRAINED_BYTES:
                raise error
        held = _Held(self, self._limit)
        try:
            await _receive_all(receive, held, decoder, error)
        except BaseException:
            self.release(held.size)
            raise
        return b"".join(held.chunks) if len(held.chunks) != 1 else held.chunks[0]

    def hold(self, size: int, more: int) -> None:
        """Count more bytes of a body as held, of which some are already.

        Raises:
            BusyError: there is no room for them.
        """
        counted = self._counted(size + more) - self._counted(size)
        if counted > self._free:
            raise BusyError("the bodies of other requests fill the memory: send this one again in a second")
        self._free -= counted

    def release(self, size: int) -> None:
        """Count a body as gone."""
        self._free += self._counted(size)

    def _counted(self, size: int) -> int:
        return max(0, size - self._uncounted)

    def _too_large(self) -> TooLargeError:
        return TooLargeError(f"the body is larger than {self._limit} bytes: send fewer rows per request")


class _Held:
    """The part of one body that has been read."""

    def __init__(self, bodies: Bodies, limit: int) -> None:
        self._bodies = bodies
        self._limit = limit
        self.chunks: list[bytes] = []
        self.size = 0

    def add(self, chunk: bytes) -> None:
        if self.size + len(chunk) > self._limit:
            raise self._bodies._too_large()  # pyright: ignore[reportPrivateUsage]
        self._bodies.hold(self.size, len(chunk))
        self.size += len(chunk)
        self.chunks.append(chunk)

    def room(self) -> int:
        """Return how many bytes may be decompressed, one more than fit: to notice that there are more."""
        return self._limit - self.size + 1


async def _receive_all(receive: Receive, held: _Held, decoder: Any, error: RequestError | None) -> None:
    """Read a whole body; after an error the rest is dropped, so that the client reads the answer."""
    received = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise DisconnectedError
        chunk: bytes = message.get("body", b"")
        received += len(chunk)
        more = message.get("more_body", False)
        if error is None:
            try:
                _keep(chunk, held, decoder, last=not more)
            except RequestError as found:
                error = found
        if error is not None and (not more or received > _MAX_DRAINED_BYTES):
            raise error
        if not more:
            return


def _keep(chunk: bytes, held: _Held, decoder: Any, *, last: bool) -> None:
    if decoder is None:
        if chunk:
            held.add(chunk)
        return
    try:
        held.add(decoder.decompress(chunk, held.room()))
    except zlib.error as error:
        raise RequestError(f"the body is not gzip, which content-encoding says: {error}") from None
    if decoder.unused_data:
        raise RequestError("the body has data behind its gzip stream")
    if last and not decoder.eof:
        raise RequestError("the body ends before its gzip stream does")


class _Turns:
    """Lets bodies pass as long as they add up to no more than a capacity, first come, first served."""

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._free = capacity
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    async def take(self, size: int) -> None:
        size = min(size, self._capacity)
        if not self._waiting and size <= self._free:
            self._free -= size
            return
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((size, mine))
        try:
            await mine
        except asyncio.CancelledError:
            if mine.done() and not mine.cancelled():
                self.give(size)
            raise

    def give(self, size: int) -> None:
        self._free += min(size, self._capacity)
        while self._waiting and (self._waiting[0][1].cancelled() or self._waiting[0][0] <= self._free):
            wanted, waiter = self._waiting.popleft()
            if not waiter.cancelled():
                self._free -= wanted
                waiter.set_result(None)


def _facts(headers: Headers) -> tuple[int, bool, bytes]:
    """Return the declared length, whether the client waits for consent, and the encoding."""
    length, awaits_consent, encoding = 0, False, b""
    for name, value in headers:
        if name == b"content-length" and value.isdigit():
            length = int(value)
        elif name == b"expect":
            awaits_consent = True
        elif name == b"content-encoding":
            encoding = value.strip().lower()
    return length, awaits_consent, encoding
