"""A model with a fault, in front of a good one."""

import time
from types import SimpleNamespace
from typing import Any

import mlflow
import numpy as np
import pytest

from harness.faults.faulty_model import FaultyModel

PROBABILITIES = np.array([[0.1, 0.9], [0.8, 0.2]])


def loaded(monkeypatch: pytest.MonkeyPatch, **faults: float) -> FaultyModel:
    good = SimpleNamespace(predict=lambda _: PROBABILITIES.tolist())
    monkeypatch.setattr(mlflow.pyfunc, "load_model", lambda path: good if path == "/good" else None)
    config: dict[str, float] = {"seconds": 0.0, "wrong_every": 0, "fail_every": 0, **faults}
    context: Any = SimpleNamespace(artifacts={"good": "/good"}, model_config=config)
    model = FaultyModel()
    model.load_context(context)
    return model


def test_without_a_fault_it_predicts_like_the_good_model(monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(monkeypatch)
    for _ in range(5):
        assert np.array_equal(model.predict(None, [[1.0], [2.0]]), PROBABILITIES)


def test_every_so_many_predictions_have_their_classes_swapped(monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(monkeypatch, wrong_every=3)
    wrong = [not np.array_equal(model.predict(None, [[1.0]]), PROBABILITIES) for _ in range(6)]
    assert wrong == [False, False, True, False, False, True]


def test_every_so_many_predictions_fail(monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(monkeypatch, fail_every=2)
    for _ in range(2):
        assert np.array_equal(model.predict(None, [[1.0]]), PROBABILITIES)
        with pytest.raises(RuntimeError, match="a fault that was asked for"):
            model.predict(None, [[1.0]])


def test_a_slow_model_takes_its_time_and_still_answers_correctly(monkeypatch: pytest.MonkeyPatch) -> None:
    model = loaded(monkeypatch, seconds=0.05)
    began = time.perf_counter()
    assert np.array_equal(model.predict(None, [[1.0]]), PROBABILITIES)
    assert time.perf_counter() - began >= 0.05
