"""Predictors of versions, asked directly: what they serve, and what they answer to given rows."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any, Final

import requests

from delivery.direct import Answer, DirectSession
from delivery.proofs import answers
from delivery.proofs.answers import Row
from delivery.proofs.golden_rows import GoldenRows
from delivery.rollouts.cluster import Cluster
from delivery.version import Version
from workloads.serving import model_route

GOLDEN_URL: Final = "http://{address}:8081/golden"
_MOST_BYTES: Final = 8 * 1024 * 1024
# The predictor neither records nor counts requests with such ids: they are no traffic.
_CHECK: Final = "plinth-check-"
_UNKNOWN: Final = 404
_SERVER_ERROR: Final = 500


class NoAnswerError(Exception):
    """A predictor did not answer, or not yet; one line."""


class RefusedError(Exception):
    """A predictor answered that it cannot predict these rows; one line."""

    def __init__(self, says: str, *, is_failure: bool = False) -> None:
        """Say what it answered.

        Args:
            says: One line.
            is_failure: Whether it is the fault of the predictor, not of the rows.
        """
        super().__init__(says)
        self.is_failure = is_failure


class NotOfferedError(Exception):
    """A predictor has no port for golden rows; one line."""


@dataclass(frozen=True, kw_only=True)
class Facts:
    """What a predictor says of its model."""

    digest: str
    classes: tuple[Any, ...]
    """Labels in the order of its probabilities; empty if it names none."""


class Predictors:
    """Predictors of every namespace of models."""

    def __init__(self, url: str, cluster: Cluster) -> None:
        """Ask at a URL with {service} and {namespace} in it; nothing is sent yet."""
        self._url = url
        self._cluster = cluster
        self._session = DirectSession()
        self._numbers = count(1)

    def facts(self, version: Version) -> Facts:
        """Return what the predictor of a version serves.

        Raises:
            NoAnswerError: it does not say so.
        """
        try:
            url = f"{self._service(version)}/v2/models/{version.model_name}"
            properties = _json(self._session.get(url, most_bytes=_MOST_BYTES))["properties"]
            return Facts(
                digest=str(properties["model_digest"]),
                classes=tuple(json.loads(properties.get("classes", "[]"))),
            )
        except (requests.RequestException, OSError, ValueError, KeyError, TypeError) as error:
            raise NoAnswerError(f"no answer yet ({type(error).__name__})") from None

    def golden_rows(self, version: Version) -> GoldenRows | None:
        """Return the golden rows of a version; None if its model carries none.

        Raises:
            NoAnswerError: no pod has said so yet.
            NotOfferedError: its pods have no such page.
        """
        try:
            pods = self._cluster.pods_of(version)
            if not pods:
                raise NoAnswerError("no pod has an address yet")
            url = GOLDEN_URL.format(address=next(iter(pods.values())))
            answer = self._session.get(url, most_bytes=_MOST_BYTES)
            return None if answer.status == _UNKNOWN else GoldenRows.from_json(_json(answer))
        except requests.ConnectionError as error:
            if "refused" in str(error):
                raise NotOfferedError("its predictor has no port for them") from None
            raise NoAnswerError(f"no answer ({type(error).__name__})") from None
        except (requests.RequestException, OSError, ValueError) as error:
            raise NoAnswerError(f"not read ({type(error).__name__}: {error})") from None

    def answers(self, version: Version, request: Mapping[str, Any]) -> list[Row]:
        """Return the answer of a version to each row of a request.

        Args:
            version: The version.
            request: A body of /invocations, or of the v1 protocol if it has instances.

        Raises:
            NoAnswerError: there is no answer in time.
            RefusedError: it says that it cannot.
        """
        path = f"/v1/models/{version.model_name}:predict" if "instances" in request else "/invocations"
        try:
            answer = self._session.post(
                f"{self._service(version)}{path}",
                request,
                most_bytes=_MOST_BYTES,
                identity=f"{_CHECK}{next(self._numbers)}",
            )
        except (requests.RequestException, OSError, ValueError) as error:
            raise NoAnswerError(f"no answer ({type(error).__name__})") from None
        if not answer.ok:
            says = f"HTTP {answer.status} {answer.body[:200].decode(errors='replace')}"
            raise RefusedError(" ".join(says.split()), is_failure=answer.status >= _SERVER_ERROR)
        try:
            return answers.rows_of(json.loads(answer.body))
        except (ValueError, RecursionError):
            raise RefusedError("an answer that is no rows") from None

    def _service(self, version: Version) -> str:
        service = model_route.predictor(version.model_name, version.number)
        return self._url.format(service=service, namespace=version.namespace)


def _json(answer: Answer) -> Any:
    if not answer.ok:
        raise ValueError(f"HTTP {answer.status}")
    try:
        return json.loads(answer.body)
    except RecursionError:
        raise ValueError("JSON that is nested too deep") from None
