"""Two servers in turns: what one has and the other has not."""

from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pytest

from harness import processes
from harness.bench import additions, closed_loop
from harness.bench.additions import Added, Side
from harness.bench.closed_loop import LoadFigures, LoadTarget

_P50: Mapping[str, tuple[float, ...]] = {"plain": (9.0, 1.0, 3.0, 2.0), "gated": (9.0, 1.5, 3.25, 2.75)}
_CPU: Mapping[str, Mapping[int, float]] = {"plain": {10: 0.1}, "gated": {20: 0.1, 30: 0.05}}


def _side(name: str, after: Callable[[], object] = lambda: None) -> Side:
    target = LoadTarget(url=name, headers={}, body=Path("x"))
    return Side(target=target, network_of=1, servers=tuple(_CPU[name]), after=after)


@pytest.fixture
def events(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What happens, in order."""
    found: list[str] = []
    spent = {10: 0.0, 20: 0.0, 30: 0.0}
    turns = {name: iter(values) for name, values in _P50.items()}

    def run(target: LoadTarget, *, requests: int, connections: int, cpu: int, **_: object) -> LoadFigures:
        assert (requests, connections, cpu) == (100, 1, 1)
        found.append(target.url)
        for pid, seconds in _CPU[target.url].items():
            spent[pid] += seconds
        p50 = next(turns[target.url])
        return LoadFigures(requests=100, requests_per_second=1, p50_ms=p50, p99_ms=2 * p50)

    @contextmanager
    def pin(pid: int, cpu: int) -> Generator[None]:
        found.append(f"{pid} on {cpu}")
        yield

    monkeypatch.setattr(closed_loop, "run", run)
    monkeypatch.setattr(processes, "cpu_seconds", spent.__getitem__)
    monkeypatch.setattr(processes, "pinned", pin)
    return found


def test_the_difference_is_that_of_pairs_and_the_first_turn_does_not_count(events: list[str]) -> None:
    read: list[str] = []
    found = additions.measure(
        "the gate",
        _side("plain"),
        _side("gated", after=lambda: read.append("read")),
        client_cpu=1,
        pins={10: 0, 20: 0},
        requests=100,
        turns=3,
    )
    assert (found.what, found.p50_ms, found.p99_ms) == ("the gate", 0.5, 1.0)
    assert found.cpu_ms == pytest.approx(0.5)
    assert found.p50_ratio == pytest.approx(1.375)
    assert found.cpu_ratio == pytest.approx(1.5)
    assert isinstance(found, Added)
    assert events[:2] == ["10 on 0", "20 on 0"]
    assert events[2:] == ["gated", "plain", "plain", "gated", "gated", "plain", "plain", "gated"]
    assert len(read) == 4
