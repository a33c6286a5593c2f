"""Ids of requests."""

import pytest
from predictor.request_ids import RequestIds, unit_of


def test_an_id_that_is_given_is_kept() -> None:
    assert RequestIds().of([(b"host", b"x"), (b"x-request-id", b"a-1:b")]) == b"a-1:b"


@pytest.mark.parametrize("given", [b"", b"a b", b"x" * 129, b"\xff", b"a\n"])
def test_what_is_no_id_is_replaced(given: bytes) -> None:
    ids = RequestIds()
    assert ids.of([(b"x-request-id", given)]) == f"{ids.start}-1".encode()


def test_ids_that_are_made_differ_between_requests_and_processes() -> None:
    first, second = RequestIds(), RequestIds()
    made = [each.of([]) for each in (first, first, second, second)]
    assert len(set(made)) == 4
    assert {len(each) for each in made} == {18}


@pytest.mark.parametrize(
    ("given", "unit"), [(b"0f", b"0f"), (b"AB" * 64, b"AB" * 64), (b"f", b""), (b"xy", b"")]
)
def test_a_unit_is_a_hex_digest(given: bytes, unit: bytes) -> None:
    assert unit_of([(b"host", b"x"), (b"x-experiment-unit", given)]) == unit


def test_most_requests_are_of_no_unit() -> None:
    assert unit_of([(b"x-request-id", b"ab")]) == b""
