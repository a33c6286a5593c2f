"""Requests to pods of models, in the cluster, without the gateway: bounded in time and in size.

What runs in such a pod may be of anybody, and one controller waits for the pods of all teams.
"""

import time
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from typing import Any, Final

import requests

_SECONDS: Final = (1, 2)
"""To connect, and between two parts of an answer."""
_PART_BYTES: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a pod answered."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def ok(self) -> bool:
        """Whether it is what was asked for."""
        return self.status == requests.codes["ok"]


class DirectSession:
    """Keep-alive connections to pods; no proxy, and no redirect, which could lead anywhere."""

    def __init__(self, seconds: float = 5) -> None:
        """Prepare the session; nothing is sent yet.

        Args:
            seconds: How long one answer may take.
        """
        self._seconds = seconds
        self._session = requests.Session()
        self._session.trust_env = False

    def get(self, url: str, *, most_bytes: int) -> Answer:
        """Return the answer to GET.

        Raises:
            requests.RequestException: there is none.
            OSError: it ended in the middle.
            ValueError: it is too long, or took too long; one line.
        """
        return self._answer(self._session.get, url, most_bytes, {}, {})

    def post(self, url: str, body: Any, *, most_bytes: int, identity: str) -> Answer:
        """Return the answer to a JSON body, raising as `get` does.

        Args:
            url: Where to.
            body: What JSON can carry.
            most_bytes: Of the answer.
            identity: Id of the request.
        """
        return self._answer(self._session.post, url, most_bytes, {"json": body}, {"X-Request-Id": identity})

    def _answer(
        self, send: Any, url: str, most_bytes: int, content: Mapping[str, Any], headers: Mapping[str, str]
    ) -> Answer:
        ends = time.monotonic() + self._seconds
        plain = {"Accept-Encoding": "identity", **headers}
        found = send(url, headers=plain, timeout=_SECONDS, stream=True, allow_redirects=False, **content)
        with closing(found):
            parts: list[bytes] = []
            size = 0
            while part := found.raw.read1(_PART_BYTES):
                parts.append(part)
                size += len(part)
                if size > most_bytes:
                    raise ValueError(f"more than {most_bytes} bytes")
                if time.monotonic() > ends:
                    raise ValueError(f"not read within {self._seconds:g} s")
        return Answer(status=found.status_code, headers=found.headers, body=b"".join(parts))
