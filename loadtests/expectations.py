"""What a served model must answer: the rows that training held back, and what it said of them."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, cast

from loadtests.errors import LoadtestError
from workloads.serving.inference_client import v2_request, v2_rows

LARGEST_DIFFERENCE: Final = 1e-9
"""Between a served probability and that of training time: another batch size may change the last digits."""


@dataclass(frozen=True, kw_only=True)
class Expectations:
    """One model version, by what it predicts."""

    digest: str
    """Of its files; each answer names the digest of the model that gave it."""
    rows: list[list[float]]
    probabilities: list[list[float]]
    """Of each row, at training time."""


@dataclass(kw_only=True)
class Question:
    """One request body and what must come back."""

    protocol: str
    """v1 or v2."""
    body: bytes
    probabilities: list[list[float]]
    known: set[bytes] = field(default_factory=set[bytes])
    """Answers that were compared already and are right: equal bytes need no second look."""


def read(file: Path) -> Expectations:
    """Read expectations: JSON with the keys digest, rows and probabilities.

    Raises:
        LoadtestError: the file is not that.
    """
    try:
        document = json.loads(file.read_text())
        found = Expectations(
            digest=str(document["digest"]),
            rows=document["rows"],
            probabilities=document["probabilities"],
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise LoadtestError(f"expected answers {file}: cannot be read ({error!r})") from None
    if not found.rows or len(found.rows) != len(found.probabilities):
        raise LoadtestError(f"expected answers {file}: as many probabilities as rows, and at least one")
    return found


def questions(expected: Expectations, protocol: str, size: int) -> list[Question]:
    """Return request bodies of that many rows each, so that every row occurs in one."""
    count = len(expected.rows)
    made: list[Question] = []
    for first in range(0, count, size):
        places = [(first + offset) % count for offset in range(size)]
        rows = [expected.rows[place] for place in places]
        body: dict[str, Any] = {"instances": rows} if protocol == "v1" else v2_request(rows)
        probabilities = [expected.probabilities[place] for place in places]
        made.append(Question(protocol=protocol, body=json.dumps(body).encode(), probabilities=probabilities))
    return made


def wrong(question: Question, answer: bytes, digest: str | None, expected_digest: str) -> str | None:
    """Return what is wrong with an answer; None if it is right.

    Args:
        question: What was asked.
        answer: The body that came back with status 200.
        digest: The model that says to have answered.
        expected_digest: The model that must.
    """
    if digest != expected_digest:
        return f"model {(digest or 'unknown')[:12]} answered, not {expected_digest[:12]}"
    if answer in question.known:
        return None
    try:
        document = cast("dict[str, Any]", json.loads(answer))
        rows = document["predictions"] if question.protocol == "v1" else v2_rows(document)
        same = _same(rows, question.probabilities)
    except (ValueError, KeyError, TypeError, IndexError) as error:
        return f"not an answer of {question.protocol}: {type(error).__name__}"
    if not same:
        return "probabilities differ from those of training time"
    question.known.add(answer)
    return None


def _same(found: list[list[float]], wanted: list[list[float]]) -> bool:
    # NaN is near to nothing: asked this way round it differs.
    return all(
        abs(one - other) <= LARGEST_DIFFERENCE
        for row, expected in zip(found, wanted, strict=True)
        for one, other in zip(row, expected, strict=True)
    )
