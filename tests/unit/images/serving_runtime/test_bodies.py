"""Bodies are bounded by any encoding, and together."""

import asyncio
import gzip
from collections.abc import Iterator
from typing import Any

import pytest
from predictor.bodies import Bodies, DisconnectedError, Message
from predictor.errors import BusyError, EncodingError, RequestError, TooLargeError

GZIP = [(b"content-encoding", b"gzip")]


def read(
    bodies: Bodies, headers: list[tuple[bytes, bytes]], *chunks: bytes, last: Message | None = None
) -> bytes:
    def messages() -> Iterator[Message]:
        for index, chunk in enumerate(chunks):
            yield {
                "type": "http.request",
                "body": chunk,
                "more_body": last is not None or index < len(chunks) - 1,
            }
        yield last or {"type": "http.disconnect"}

    stream = messages()

    async def receive() -> Message:
        return next(stream)

    return asyncio.run(bodies.read(headers, receive))


async def others_run() -> None:
    """Let every task that can run do so once."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[None] = loop.create_future()
    loop.call_soon(done.set_result, None)
    await done


def split(body: bytes, size: int) -> list[bytes]:
    return [body[at : at + size] for at in range(0, len(body), size)]


@pytest.mark.parametrize("size", [3, 7, 10_000])
def test_gzip_is_decompressed_in_whatever_parts_it_comes(size: int) -> None:
    body = b'{"instances": [[1, 2, 3]]}' * 20
    assert read(Bodies(1000), GZIP, *split(gzip.compress(body, mtime=0), size)) == body


def test_the_limit_counts_decompressed_bytes() -> None:
    bodies = Bodies(1000)
    assert read(bodies, GZIP, gzip.compress(b"x" * 1000)) == b"x" * 1000
    with pytest.raises(TooLargeError, match="larger than 1000 bytes"):
        read(bodies, GZIP, *split(gzip.compress(b"x" * 1001), 20))
    # A bomb: a thousand times as much as may be read.
    with pytest.raises(TooLargeError):
        read(bodies, GZIP, gzip.compress(b"x" * 1_000_000))
    assert read(Bodies(1000), [], b"y" * 1000) == b"y" * 1000


@pytest.mark.parametrize("encoding", [b"br", b"deflate", b"zstd", b"gzip, gzip"])
def test_other_encodings_are_refused_with_the_one_that_is_taken(encoding: bytes) -> None:
    with pytest.raises(EncodingError, match="send plain bodies or gzip") as caught:
        read(Bodies(1000), [(b"content-encoding", encoding)], b"x")
    assert caught.value.headers == ((b"accept-encoding", b"gzip"),)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"plain text", "is not gzip"),
        (gzip.compress(b"x" * 100, mtime=0)[:-4], "ends before its gzip stream"),
        (b"", "ends before its gzip stream"),
        (gzip.compress(b"x", mtime=0) + b"more", "data behind its gzip stream"),
    ],
)
def test_what_is_not_gzip_is_refused(body: bytes, message: str) -> None:
    with pytest.raises(RequestError, match=message):
        read(Bodies(1000), GZIP, body)


def test_bodies_that_fill_the_memory_make_others_wait_outside() -> None:
    bodies = Bodies(100)
    held = [read(bodies, [], b"x" * 100) for _ in range(8)]
    with pytest.raises(BusyError, match="in a second"):
        read(bodies, [], b"x")
    bodies.release(len(held.pop()))
    assert read(bodies, [], b"x" * 100) == b"x" * 100


def test_large_bodies_that_are_held_keep_no_small_ones_out() -> None:
    bodies = Bodies(1280)
    for _ in range(8):
        read(bodies, [], b"x" * 1280)
    # The uncounted share of each of the eight is free.
    read(bodies, [], b"x" * 90)
    assert read(bodies, [], b"x" * 10) == b"x" * 10
    with pytest.raises(BusyError):
        read(bodies, [], b"x" * 20)


@pytest.mark.parametrize(
    ("headers", "chunks", "last"),
    [
        ([], (b"x" * 60, b"x" * 60), None),
        (GZIP, (b"not gzip",), None),
        ([], (b"x" * 60,), {"type": "http.disconnect"}),
    ],
)
def test_a_body_that_fails_leaves_its_room_to_others(
    headers: Any, chunks: tuple[bytes, ...], last: Any
) -> None:
    bodies = Bodies(100)
    for _ in range(20):
        with pytest.raises((RequestError, DisconnectedError)):
            read(bodies, headers, *chunks, last=last)
    for _ in range(8):
        read(bodies, [], b"x" * 100)


def test_a_refused_body_is_read_to_its_end_before_the_answer() -> None:
    bodies = Bodies(100)
    taken: list[int] = []

    async def receive() -> Message:
        taken.append(1)
        return {"type": "http.request", "body": b"x" * 60, "more_body": len(taken) < 50}

    with pytest.raises(TooLargeError):
        asyncio.run(bodies.read([], receive))
    assert len(taken) == 50


def test_large_bodies_are_handled_one_after_another_and_small_ones_together() -> None:
    async def most_at_once(size: int) -> int:
        bodies = Bodies(100)
        inside = most = 0

        async def handle() -> None:
            nonlocal inside, most
            async with bodies.turn(size):
                inside += 1
                most = max(most, inside)
                await others_run()
                inside -= 1

        await asyncio.gather(*(handle() for _ in range(10)))
        return most

    assert asyncio.run(most_at_once(100)) == 1
    assert asyncio.run(most_at_once(10_000)) == 1
    assert asyncio.run(most_at_once(25)) == 4


def test_a_client_that_leaves_the_queue_gives_its_turn_to_the_next() -> None:
    async def scenario() -> str:
        bodies = Bodies(100)

        async def handle() -> str:
            async with bodies.turn(100):
                return "handled"

        async with bodies.turn(100):
            gone, waiting = asyncio.create_task(handle()), asyncio.create_task(handle())
            await others_run()
            gone.cancel()
            await others_run()
        return await asyncio.wait_for(waiting, 5)

    assert asyncio.run(scenario()) == "handled"
