"""The user that all others are: takes what is due, performs it, and keeps what came of it."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from locust import FastHttpUser, task
from locust.exception import StopUser

from loadtests.arrivals import Arrivals
from loadtests.platform_access import PlatformAccess


class FaultError(Exception):
    """An operation was not answered well: the platform refused it, or did not answer."""


class WrongAnswerError(Exception):
    """An operation was answered, with something other than expected."""


class OpenLoopUser(FastHttpUser):
    """One operation at a time; an arrival waits where all users are busy, and its latency counts."""

    abstract = True
    # A second try, or an answer from elsewhere, would hide what a caller sees.
    max_retries = 0
    max_redirects = 0
    arrivals: ClassVar[Arrivals]
    access: ClassVar[PlatformAccess]

    @classmethod
    def prepare(cls) -> None:
        """Make ready what operations need, before the first is due."""

    @classmethod
    def finish(cls) -> None:
        """Remove what operations left, after the last."""

    def on_start(self) -> None:
        """Follow no redirect: load goes to one address alone."""
        agent: Any = self.client.client
        agent.redirect_response_codes = frozenset()

    @task
    def work(self) -> None:
        """Perform what is due until nothing follows."""
        while (arrival := self.arrivals.take()) is not None:
            try:
                self.perform(arrival.operation)
            except FaultError as error:
                self.arrivals.done(arrival, str(error))
            except WrongAnswerError as error:
                self.arrivals.done(arrival, f"wrong: {error}", wrong=True)
            except (ValueError, KeyError, TypeError, IndexError) as error:
                self.arrivals.done(arrival, f"wrong: unreadable ({error!r})", wrong=True)
            else:
                self.arrivals.done(arrival)
        raise StopUser

    def perform(self, operation: str) -> None:
        """Perform one operation.

        Raises:
            FaultError: it was refused, or not answered.
            WrongAnswerError: it was answered wrongly.
        """
        raise NotImplementedError

    def ask(
        self,
        method: str,
        path: str,
        *,
        host: str,
        name: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> tuple[bytes, Mapping[str, str]]:
        """Send one request; return body and headers of its answer.

        Raises:
            FaultError: no answer, or a status other than 200.
        """
        headers = {"Host": host} | ({"Content-Type": content_type} if body is not None else {})
        response: Any = self.client.request(
            method, path, name=name, data=cast("Any", body), headers=headers, allow_redirects=False
        )
        if response.status_code == 200:
            return response.content or b"", response.headers
        if response.status_code:
            raise FaultError(f"{name}: HTTP {response.status_code}")
        error: Any = response.error
        # The client wraps what happened into one that says only that it was not tried again.
        raise FaultError(f"{name}: {type(getattr(error, 'original', None) or error).__name__}")

    def ask_json(self, method: str, path: str, *, host: str, name: str, body: Any = None) -> Any:
        """Send one request, with JSON if there is something to say; return the JSON of its answer."""
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.ask(method, path, host=host, name=name, body=data)[0])
