"""The ring of recorded requests."""

import numpy as np
from predictor.codec import BinaryReply
from predictor.ring import Ring


def sequences(ring: Ring) -> list[int]:
    return [each.sequence for each in ring.first(1000, 10**9)]


def test_the_oldest_make_room_for_newer_ones_and_are_counted() -> None:
    ring = Ring(most_rows=5, most_bytes=10**6)
    for _ in range(4):
        ring.add(b"id", 0.0, 2, b"[]", b"{}")
    assert sequences(ring) == [3, 4]
    assert (ring.rows, ring.dropped_requests, ring.dropped_rows, ring.sequence) == (4, 2, 4, 4)


def test_bytes_are_bounded_too() -> None:
    ring = Ring(most_rows=1000, most_bytes=2000)
    for _ in range(10):
        ring.add(b"id", 0.0, 1, np.zeros((1, 10)), BinaryReply(head=b"{}", payload=b"x" * 100))
        assert ring.bytes <= 2000
    # 512 of an entry, 2 of its id, 80 of its rows, 102 of its answer.
    assert ring.bytes == 2 * 696
    assert (sequences(ring), ring.dropped_requests) == ([9, 10], 8)


def test_one_that_is_larger_than_the_ring_is_dropped_itself() -> None:
    ring = Ring(most_rows=5, most_bytes=1000)
    ring.add(b"id", 0.0, 1, b"[]", b"{}")
    ring.add(b"id", 0.0, 6, b"[]", b"{}")
    ring.add(b"id", 0.0, 1, b"x" * 1000, b"{}")
    ring.refuse(3)
    assert (sequences(ring), ring.dropped_requests, ring.dropped_rows, ring.sequence) == ([1], 3, 10, 4)


def test_what_is_acknowledged_is_gone() -> None:
    ring = Ring(most_rows=100, most_bytes=10**6)
    for _ in range(3):
        ring.add(b"id", 0.0, 1, b"[]", b"{}")
    ring.acknowledge(2)
    assert (sequences(ring), ring.rows, ring.dropped_requests) == ([3], 1, 0)
    ring.acknowledge(3)
    assert (ring.rows, ring.bytes) == (0, 0)


def test_an_answer_is_bounded_in_requests_and_bytes_but_never_empty() -> None:
    ring = Ring(most_rows=100, most_bytes=10**6)
    for _ in range(5):
        ring.add(b"id", 0.0, 1, b"x" * 84, b"{}")
    assert len(ring.first(3, 10**6)) == 3
    assert len(ring.first(5, 1200)) == 2
    assert len(ring.first(5, 1)) == 1
