"""Served models in large numbers."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar

import pytest

from harness.bench.scale import models, predictors
from tests.fixtures.platforms import endpoints
from tests.fixtures.stub_cluster import StubCluster, stub_cluster
from tests.unit.harness.bench.scale.test_models import ORIGINAL, Registry
from workloads.errors import WorkloadsError
from workloads.serving import shared_predictor


class Model:
    """Answers of every model; those in `odd` answer otherwise."""

    odd: ClassVar[set[str]] = set()

    def __init__(self, _: object, name: str, *, service: str = "") -> None:
        self._name = name

    def predict_v1(self, rows: list[list[float]]) -> list[float]:
        return [sum(row) + (self._name in self.odd) for row in rows]


def test_models_are_divided_among_predictors() -> None:
    assert predictors.shares(["a", "b", "c"], 2) == {"scale-1": ["a", "b"], "scale-2": ["c"]}


def test_its_own_pods_are_known_by_their_names() -> None:
    assert predictors.is_shared("models/scale-1-predictor")
    assert not predictors.is_shared("models/wine-v1-predictor")
    assert not predictors.is_shared("scale-1")


def run(cluster: StubCluster, monkeypatch: pytest.MonkeyPatch, registry: Any) -> list[Any]:
    deployed: list[Any] = []

    def deploy(_: object, name: str, versions: dict[str, str], *, timeout_seconds: float) -> None:
        assert timeout_seconds == 300
        assert set(versions) <= set(registry.models)
        deployed.append((name, len(versions)))
        path = f"/api/v1/namespaces/models/pods/{name}"
        labels = {"serving.kserve.io/inferenceservice": name}
        cluster.add(path, {"metadata": {"name": name, "labels": labels}})

    monkeypatch.setattr(shared_predictor, "deploy_together", deploy)
    monkeypatch.setattr(shared_predictor, "remove", lambda _, name: deployed.append((name, 0)))
    monkeypatch.setattr(predictors, "InferenceClient", Model)
    # The stub knows no sets of labels.
    monkeypatch.setattr(predictors, "_wait_for_one_pod_each", lambda *_: None)
    original = SimpleNamespace(**vars(ORIGINAL), name="wine")
    platform = endpoints(kubeconfig=cluster.kubeconfig)
    try:
        with predictors.stage(platform, registry, original, [1.0], count=20, per_predictor=10) as stage:
            assert [point.count for point in stage.points] == [2, 10, 20]
    finally:
        assert registry.models == {}
    return deployed


def test_they_are_deployed_step_by_step_compared_and_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with stub_cluster(tmp_path) as cluster:
        assert run(cluster, monkeypatch, Registry()) == [
            ("scale-1", 2),
            ("scale-1", 10),
            ("scale-1", 10),
            ("scale-2", 10),
            ("scale-1", 0),
            ("scale-2", 0),
        ]


def test_an_answer_that_differs_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = models.names("scale-served", 2)[1]
    monkeypatch.setattr(Model, "odd", {odd})
    with (
        stub_cluster(tmp_path) as cluster,
        pytest.raises(WorkloadsError, match=rf"model {odd}: answers \[2.0\] in scale-1, and \[1.0\]"),
    ):
        run(cluster, monkeypatch, Registry())
