"""Base of all users: takes operations that are due, performs them and records the results."""

import json
from collections.abc import Mapping
from typing import Any, ClassVar, cast

from locust import FastHttpUser, task
from locust.env import Environment
from locust.exception import StopUser

from loadtests.arrivals import Arrivals
from loadtests.platform_access import PlatformAccess
from workloads.gateway_access import headers, tls_context


class FaultError(Exception):
    """An operation failed: the platform refused it or did not answer."""


class WrongAnswerError(Exception):
    """An operation was answered, but not as expected."""


class OpenLoopUser(FastHttpUser):
    """Performs one operation at a time; an arrival waits while all users are busy, and its latency counts."""

    abstract = True
    # Locust's default is to verify nothing.
    insecure = False
    # A retry or a redirect would hide what a client sees.
    max_retries = 0
    max_redirects = 0
    arrivals: ClassVar[Arrivals]
    access: ClassVar[PlatformAccess]

    def __init__(self, environment: Environment) -> None:
        """Prepare connections that trust what all clients of the gateway trust."""
        self.ssl_context_factory = lambda: tls_context(self.access.endpoints)
        super().__init__(environment)

    @classmethod
    def prepare(cls) -> None:
        """Set up what operations need, before the first is due."""

    @classmethod
    def finish(cls) -> None:
        """Clean up after the last operation."""

    def on_start(self) -> None:
        """Disable redirects: load goes to one address alone."""
        agent: Any = self.client.client
        agent.redirect_response_codes = frozenset()

    @task
    def work(self) -> None:
        """Perform operations until no more are due."""
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
            FaultError: it was refused or not answered.
            WrongAnswerError: it was answered wrongly.
        """
        raise NotImplementedError

    def send(
        self,
        method: str,
        path: str,
        *,
        host: str,
        name: str,
        body: bytes | None = None,
        content_type: str = "application/json",
    ) -> tuple[bytes, Mapping[str, str]]:
        """Send one request; return body and headers of the response.

        Raises:
            FaultError: no answer, or a status other than 200.
        """
        named = headers(self.access.endpoints, host)
        kind = {"Content-Type": content_type} if body is not None else {}
        response: Any = self.client.request(
            method, path, name=name, data=cast("Any", body), headers=named | kind, allow_redirects=False
        )
        if response.status_code == 200:
            return response.content or b"", response.headers
        if response.status_code:
            raise FaultError(f"{name}: HTTP {response.status_code}")
        error: Any = response.error
        # The client wraps the actual error in one that only says that there was no retry.
        raise FaultError(f"{name}: {type(getattr(error, 'original', None) or error).__name__}")

    def send_json(self, method: str, path: str, *, host: str, name: str, body: Any = None) -> Any:
        """Send one request, with a JSON body if given; return the JSON of the response."""
        data = None if body is None else json.dumps(body).encode()
        return json.loads(self.send(method, path, host=host, name=name, body=data)[0])
