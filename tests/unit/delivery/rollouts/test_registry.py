"""What the controller asks MLflow, and what it makes of an MLflow that does not answer."""

from typing import Any

import pytest
import requests

from delivery.rollouts.registry import Registry


class _Mlflow:
    """Answers every request alike, and keeps what it was asked."""

    def __init__(self, status: int, content: Any = None) -> None:
        self.status_code = status
        self.ok = status < 400
        self.content = content
        self.asked: list[tuple[str, Any]] = []

    def json(self) -> Any:
        return self.content

    def get(self, _: requests.Session, url: str, params: Any, timeout: float) -> "_Mlflow":
        assert timeout <= 5
        self.asked.append((url, params))
        return self

    def post(self, _: requests.Session, url: str, json: Any, timeout: float) -> "_Mlflow":
        assert timeout <= 5
        self.asked.append((url, json))
        return self


def _registry(monkeypatch: pytest.MonkeyPatch, status: int, content: Any = None) -> tuple[Registry, _Mlflow]:
    mlflow = _Mlflow(status, content)
    monkeypatch.setattr(requests.Session, "get", lambda *given, **more: mlflow.get(*given, **more))
    monkeypatch.setattr(requests.Session, "post", lambda *given, **more: mlflow.post(*given, **more))
    return Registry("http://mlflow:5000/"), mlflow


def _away(monkeypatch: pytest.MonkeyPatch) -> Registry:
    def refuse(*_: Any, **__: Any) -> Any:
        raise requests.ConnectionError

    monkeypatch.setattr(requests.Session, "get", refuse)
    monkeypatch.setattr(requests.Session, "post", refuse)
    return Registry("http://mlflow:5000")


def test_the_champion_is_the_version_with_the_alias(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, mlflow = _registry(monkeypatch, 200, {"model_version": {"version": "7"}})
    assert registry.champion("wine") == "7"
    assert mlflow.asked == [
        (
            "http://mlflow:5000/api/2.0/mlflow/registered-models/alias",
            {"name": "wine", "alias": "champion"},
        )
    ]


@pytest.mark.parametrize(("status", "champion"), [(404, ""), (400, ""), (500, None), (429, None)])
def test_no_alias_is_told_apart_from_no_answer(
    monkeypatch: pytest.MonkeyPatch, status: int, champion: str | None
) -> None:
    registry, _ = _registry(monkeypatch, status)
    assert registry.champion("wine") == champion


def test_an_mlflow_that_is_away_takes_nothing_and_knows_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = _away(monkeypatch)
    assert registry.champion("wine") is None
    assert not registry.set_alias("wine", "champion", "7")
    assert not registry.set_tag("wine", "7", "rollout.x", "{}")


def test_an_alias_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    registry, mlflow = _registry(monkeypatch, 200)
    assert registry.set_alias("wine", "previous", "6")
    assert mlflow.asked[0][1] == {"name": "wine", "alias": "previous", "version": "6"}


@pytest.mark.parametrize(("status", "done"), [(200, True), (404, True), (500, False)])
def test_a_version_that_is_not_registered_needs_no_tag(
    monkeypatch: pytest.MonkeyPatch, status: int, *, done: bool
) -> None:
    registry, mlflow = _registry(monkeypatch, status)
    assert registry.set_tag("wine", "7", "rollout.x", "v" * 6000) is done
    assert mlflow.asked[0][0].endswith("/model-versions/set-tag")
    assert len(mlflow.asked[0][1]["value"]) == 5000
