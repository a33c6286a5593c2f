"""Figures that decide nothing."""

import pytest

from cluster.instance import Instance
from harness.bench import serving
from harness.load import comparison
from harness.memory import Memory
from tests.fixtures.candidates import CANDIDATE
from tests.fixtures.platforms import ENDPOINTS
from workloads import lineage
from workloads.lineage import HeldBack

EVIDENCE = HeldBack(
    features=["x"], classes=["a"], rows=[[1.0], [2.0]], labels=["a"], predicted=["a"], probabilities=[[1.0]]
)


def test_only_pods_of_the_monitoring_namespace_count() -> None:
    rows = [
        Memory(component="monitoring/prometheus", resident=300.25, proportional=1),
        Memory(component="monitoring/alertmanager", resident=40, proportional=1),
        Memory(component="kubeflow/monitoring", resident=999, proportional=1),
    ]
    assert comparison.monitoring_mib(rows) == 340.2
    assert comparison.monitoring_mib(rows[2:]) is None


def test_the_candidate_is_compared_with_a_bare_app_by_its_first_held_back_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    calls: list[tuple[str, str, dict[str, str], list[float]]] = []

    def find_served(_: Instance, name: str, service: str, headers: dict[str, str], row: list[float]) -> str:
        calls.append((name, service, headers, row))
        return "served"

    monkeypatch.setattr(lineage, "read_held_back", lambda _, run: EVIDENCE if run == "r7" else None)
    monkeypatch.setattr(serving, "find_served", find_served)
    monkeypatch.setattr(serving, "measure_saturation", lambda *_, **__: (900.0, 1000.0))
    found = comparison.compare_with_bare_app(ENDPOINTS, Instance("nobody"), CANDIDATE)
    assert calls == [("wine", "wine-v7", {"Host": "wine-v7-models.plinth.localhost"}, [1.0])]
    assert (found.gateway_per_second, found.bare_per_second, found.ratio) == (900, 1000, 0.9)
    assert (found.goal, found.p99_ms_at_half) == (0.8, None)
