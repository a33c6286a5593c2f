"""Expected answers of a served model: the held-back rows and their probabilities at training time."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from loadtests.errors import LoadtestError
from workloads.serving.inference_client import v2_rows
from workloads.serving.request_parts import matrix_input

LARGEST_DIFFERENCE: Final = 1e-9
"""Tolerance between served and expected probabilities: another batch size may change the last digits."""


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """The expected predictions of one model version."""

    digest: str
    """Digest of its files; each answer carries the digest of the model that gave it."""
    rows: list[list[float]]
    probabilities: list[list[float]]
    """Expected probabilities of each row."""


@dataclass(kw_only=True)
class Question:
    """A request body and its expected answer."""

    protocol: str
    """v1 or v2."""
    body: bytes
    probabilities: list[list[float]]
    verified: set[bytes] = field(default_factory=set[bytes])
    """Answers that were compared and are correct; equal bytes need no second comparison."""


def read(file: Path) -> Expectations:
    """Read expectations: JSON with the keys digest, rows and probabilities.

    Raises:
        LoadtestError: the file cannot be read as such.
    """
    try:
        document = json.loads(file.read_text())
        expectations = Expectations(
            digest=str(document["digest"]),
            rows=document["rows"],
            probabilities=document["probabilities"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LoadtestError(f"expected answers {file}: cannot be read ({error!r})") from None
    if not expectations.rows or len(expectations.rows) != len(expectations.probabilities):
        raise LoadtestError(f"expected answers {file}: needs as many probabilities as rows, and at least one")
    return expectations


def questions(expected: Expectations, protocol: str, size: int) -> list[Question]:
    """Return questions of `size` rows each that together cover every row."""
    count = len(expected.rows)
    result: list[Question] = []
    for first in range(0, count, size):
        places = [(first + offset) % count for offset in range(size)]
        rows = [expected.rows[place] for place in places]
        body: dict[str, Any] = {"instances": rows} if protocol == "v1" else matrix_input(rows)
        probabilities = [expected.probabilities[place] for place in places]
        result.append(
            Question(protocol=protocol, body=json.dumps(body).encode(), probabilities=probabilities)
        )
    return result


def find_fault(question: Question, answer: bytes, digest: str | None, expected_digest: str) -> str | None:
    """Return what is wrong with an answer; None if it is correct.

    Args:
        question: The question.
        answer: Body of the response with status 200.
        digest: Digest of the model that answered, from the response's headers.
        expected_digest: Digest of the model that must answer.
    """
    if digest != expected_digest:
        return f"model {(digest or 'unknown')[:12]} answered, not {expected_digest[:12]}"
    if answer in question.verified:
        return None
    try:
        document = cast("dict[str, Any]", json.loads(answer))
        rows = document["predictions"] if question.protocol == "v1" else v2_rows(document)
        same = _same(rows, question.probabilities)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return f"not a {question.protocol} answer: {type(error).__name__}"
    if not same:
        return "probabilities differ from those at training time"
    question.verified.add(answer)
    return None


def _same(actual: list[list[float]], expected: list[list[float]]) -> bool:
    # Written so that NaN differs from everything.
    return all(
        abs(one - other) <= LARGEST_DIFFERENCE
        for row, wanted in zip(actual, expected, strict=True)
        for one, other in zip(row, wanted, strict=True)
    )
