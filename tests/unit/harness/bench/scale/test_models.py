"""Registered models in large numbers."""

from types import SimpleNamespace
from typing import Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import RESOURCE_DOES_NOT_EXIST

from harness.bench.scale import models

ORIGINAL = SimpleNamespace(
    source="models:/m-1", run_id="r1", tags={"model.digest": "d1", "rollout.wine-v2": "{}"}
)


class Registry:
    def __init__(self, most: int = 1000) -> None:
        self.models: dict[str, dict[str, Any]] = {}
        self._most = most

    def create_registered_model(self, name: str) -> None:
        if len(self.models) == self._most:
            raise MlflowException("full")
        self.models[name] = {}

    def create_model_version(self, name: str, *facts: Any, **more: Any) -> Any:
        self.models[name] = {"facts": facts, **more}
        return SimpleNamespace(version=1)

    def set_registered_model_alias(self, name: str, alias: str, version: int) -> None:
        self.models[name][alias] = version

    def get_model_version_by_alias(self, name: str, alias: str) -> Any:
        return self.models[name][alias]

    def search_registered_models(self, *_: str, max_results: int) -> list[str]:
        return list(self.models)[:max_results]

    def delete_registered_model(self, name: str) -> None:
        if name not in self.models:
            raise MlflowException("no such model", RESOURCE_DOES_NOT_EXIST)
        del self.models[name]


def test_each_model_is_the_original_under_a_name_of_its_own() -> None:
    registry: Any = Registry()
    with models.registered(registry, ORIGINAL, ["a", "b"]):
        assert registry.models["b"] == {
            "facts": ("models:/m-1", "r1", {"model.digest": "d1"}),
            "model_id": "m-1",
            "await_creation_for": 0,
            "champion": 1,
        }
    assert registry.models == {}


def test_reads_are_timed_three_times() -> None:
    registry: Any = Registry()
    with models.stage(registry, ORIGINAL, 20) as stage:
        assert [point.count for point in stage.points] == [2, 10, 20]
        assert len(registry.models) == 20
    assert registry.models == {}


def test_an_interrupted_stage_leaves_no_model() -> None:
    registry: Any = Registry(most=3)
    with pytest.raises(MlflowException, match="full"), models.stage(registry, ORIGINAL, 20):
        pass
    assert registry.models == {}
