"""Callers of a model at a steady rate, who count what they got from which version."""

import asyncio
import random
import ssl
import threading
import time
from collections import Counter
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx

from workloads.endpoints import Endpoints
from workloads.gateway_access import authorities, headers
from workloads.wait import wait_for


@dataclass
class Answers:
    """What callers have got so far."""

    by_digest: Counter[str] = field(default_factory=Counter[str])
    failed_by_digest: Counter[str] = field(default_factory=Counter[str])
    """Status of 500 or more, by the version that answered."""
    unanswered: list[str] = field(default_factory=list[str])
    """Failures that no version of the model answered."""
    seconds: list[float] = field(default_factory=list[float])
    """How long each answer with status 200 took."""
    first_failure: float = 0.0
    """Monotonic time of the first failed answer."""

    @property
    def failed(self) -> int:
        """Number of callers who saw an error."""
        return self.failed_by_digest.total() + len(self.unanswered)


class _Callers(threading.Thread):
    """Requests at random moments: a gateway that takes turns must not meet a caller with a rhythm."""

    def __init__(
        self, endpoints: Endpoints, model_name: str, rows: Sequence[list[float]], rate: float
    ) -> None:
        super().__init__(daemon=True)
        self._host = endpoints.model_host(model_name)
        self._url = f"{endpoints.url(self._host)}/v1/models/{model_name}:predict"
        self._headers = headers(endpoints, self._host)
        self._verify = ssl.create_default_context(cafile=authorities(endpoints))
        self._rows = rows
        self._rate = rate
        self.over = threading.Event()
        self.answers = Answers()

    def run(self) -> None:
        asyncio.run(self._call())

    async def _call(self) -> None:
        draw = random.Random(1)  # noqa: S311 - moments, not secrets
        limits = httpx.Limits(max_connections=32, max_keepalive_connections=32)
        async with httpx.AsyncClient(
            headers=self._headers, timeout=10, limits=limits, verify=self._verify, trust_env=False
        ) as client:
            under_way: set[asyncio.Task[None]] = set()
            due = time.monotonic()
            while not self.over.is_set():
                due += draw.expovariate(self._rate)
                # Until the next request is due, or for no longer than anybody calls.
                await asyncio.to_thread(self.over.wait, max(0.0, due - time.monotonic()))
                task = asyncio.create_task(self._one(client, draw.choice(self._rows)))
                under_way.add(task)
                task.add_done_callback(under_way.discard)
            await asyncio.gather(*under_way)

    async def _one(self, client: httpx.AsyncClient, row: list[float]) -> None:
        sent = time.perf_counter()
        try:
            answer = await client.post(self._url, json={"instances": [row]})
        except httpx.HTTPError as error:
            self._failed(repr(error))
            return
        digest = answer.headers.get("x-model-digest", "")
        if answer.status_code == 200:
            self.answers.by_digest[digest] += 1
            self.answers.seconds.append(time.perf_counter() - sent)
        elif digest:
            self.answers.failed_by_digest[digest] += 1
            self.answers.first_failure = self.answers.first_failure or time.monotonic()
        else:
            self._failed(f"{answer.status_code} {answer.text[:100]}")

    def _failed(self, what: str) -> None:
        self.answers.unanswered.append(what)


def wait_for_requests(answers: Answers, number: int, timeout_seconds: float = 120) -> None:
    """Wait until callers have got so many answers, failed ones included."""

    def enough() -> str | None:
        now = answers.by_digest.total() + answers.failed
        return None if now >= number else f"{now} of {number}"

    wait_for("answers", enough, timeout_seconds=timeout_seconds, interval_seconds=0.5)


@contextmanager
def calling(endpoints: Endpoints, model_name: str, *rows: list[float], rate: float) -> Generator[Answers]:
    """Call a model at a rate per second until the block ends, each time with one of the rows."""
    callers = _Callers(endpoints, model_name, rows, rate)
    callers.start()
    try:
        yield callers.answers
    finally:
        callers.over.set()
        callers.join(timeout=30)
