"""Requests in memory: bounded, and completed from the store when somebody wants them."""

from delivery.payloads import recent
from delivery.payloads.recent import Batch, Recent
from delivery.version import Version

_ONE = Version(namespace="models", model_name="wine", number="1")
_TWO = Version(namespace="models", model_name="wine", number="2")


def _batch(name: str, lines: int = 10, size: int = 10) -> Batch:
    return Batch(name=name, content=b"x" * size, lines=lines)


def _names(found: Recent, version: Version = _ONE, lines: int = 1) -> list[str]:
    return [each.name for each in found.of(version, lines) or ()]


def test_enough_requests_are_at_hand_at_once() -> None:
    found = Recent()
    found.add(_ONE, _batch("a"))
    found.add(_ONE, _batch("b"))
    assert _names(found, lines=20) == ["a", "b"]
    assert found.wanted() == {}


def test_fewer_are_completed_from_the_store_once() -> None:
    found = Recent()
    found.add(_ONE, _batch("b"))
    assert found.of(_ONE, 50) is None
    assert found.wanted() == {_ONE: 50}
    found.load(_ONE, [_batch("a")])
    assert found.wanted() == {}
    # What the store has not, nobody has.
    assert _names(found, lines=50) == ["a", "b"]


def test_a_batch_that_is_pulled_again_is_there_once() -> None:
    found = Recent()
    found.add(_ONE, _batch("a", lines=1))
    found.add(_ONE, _batch("a", lines=2))
    assert [each.lines for each in found.of(_ONE, 2) or ()] == [2]


def test_the_oldest_make_room() -> None:
    found = Recent()
    for at in range(300):
        found.add(_ONE, _batch(str(at)))
    assert _names(found) == [str(at) for at in range(100, 300)]
    found.add(_ONE, _batch("large", size=recent._MOST_BYTES + 1))  # pyright: ignore[reportPrivateUsage]
    assert _names(found) == ["large"]


def test_of_many_versions_those_without_requests_for_the_longest_time_make_room() -> None:
    found = Recent()
    size = recent._MOST_BYTES  # pyright: ignore[reportPrivateUsage]
    versions = [Version(namespace="models", model_name="wine", number=str(at)) for at in range(20)]
    for each in versions:
        found.add(each, _batch("a", size=size))
    kept = [each for each in versions if found.of(each, 1)]
    assert kept == versions[4:]


def test_versions_that_are_gone_are_forgotten() -> None:
    found = Recent()
    found.add(_ONE, _batch("a"))
    found.add(_TWO, _batch("b"))
    found.of(_ONE, 100)
    found.forget_others([_TWO])
    assert (found.wanted(), _names(found, _TWO)) == ({}, ["b"])
    assert found.of(_ONE, 1) is None
