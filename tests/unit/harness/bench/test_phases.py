"""Where the seconds of a pipeline run go."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from harness.bench.phases import Phases, sums

_BEGAN = datetime(2026, 12, 1, tzinfo=UTC)


def _at(seconds: float) -> datetime:
    return _BEGAN + timedelta(seconds=seconds)


def _container(name: str, started: float, finished: float) -> Any:
    terminated = SimpleNamespace(started_at=_at(started), finished_at=_at(finished))
    return SimpleNamespace(name=name, state=SimpleNamespace(terminated=terminated))


def _pod(name: str, created: float, main: tuple[float, float], wait: tuple[float, float]) -> Any:
    return SimpleNamespace(
        metadata=SimpleNamespace(name=name, creation_timestamp=_at(created)),
        status=SimpleNamespace(container_statuses=[_container("main", *main), _container("wait", *wait)]),
    )


def test_the_phases_of_all_pods_add_up_to_the_run() -> None:
    found = sums(
        [
            _pod("run-system-container-impl-2", 8, (11, 16), (11, 17)),
            _pod("run-system-container-driver-1", 0, (2, 3), (1, 5)),
        ]
    )
    assert found == {
        "drivers": Phases(pods=1, starting=2, program=1, ending=2, gap=3),
        "steps": Phases(pods=1, starting=3, program=5, ending=1, gap=0),
    }
