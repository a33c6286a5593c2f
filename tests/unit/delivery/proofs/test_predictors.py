"""Predictors, asked directly."""

from collections.abc import Generator
from pathlib import Path
from typing import Any

import pytest

from delivery.proofs import predictors
from delivery.proofs.predictors import Facts, NoAnswerError, Predictors, RefusedError
from tests.unit.delivery.stub_predictors import CANARY, StubPredictor, StubPredictors, stub_predictors


@pytest.fixture
def world(tmp_path: Path) -> Generator[StubPredictors]:
    with stub_predictors(tmp_path) as made:
        yield made


def _asked(world: StubPredictors) -> Predictors:
    return Predictors(world.service_url, world.cluster)


def test_a_predictor_says_what_it_serves(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor(digest="e" * 64))
    assert _asked(world).facts(CANARY) == Facts(digest="e" * 64, classes=("low", "high"))


def test_without_a_pod_there_is_no_answer(world: StubPredictors) -> None:
    with pytest.raises(NoAnswerError, match="no answer yet"):
        _asked(world).facts(CANARY)
    with pytest.raises(NoAnswerError, match="no pod has an address yet"):
        _asked(world).golden_rows(CANARY)


@pytest.mark.parametrize(("status", "is_failure"), [(400, False), (500, True)])
def test_a_refusal_says_whose_fault_it_is(world: StubPredictors, status: int, is_failure: bool) -> None:
    world.deploy(CANARY, StubPredictor(predict=lambda _: (status, {"error": "line\nbreak"})))
    with pytest.raises(RefusedError, match=f"^HTTP {status} ") as caught:
        _asked(world).answers(CANARY, {"instances": [[1.0]]})
    assert caught.value.is_failure is is_failure
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("answer", [3, {}, {"predictions": 3}])
def test_an_answer_that_is_no_rows_is_a_refusal(world: StubPredictors, answer: Any) -> None:
    world.deploy(CANARY, StubPredictor(predict=lambda _: (200, answer)))
    with pytest.raises(RefusedError, match="no rows"):
        _asked(world).answers(CANARY, {"instances": [[1.0]]})


def test_golden_rows_that_are_something_else_are_not_read(
    world: StubPredictors, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(predictors, "GOLDEN_URL", f"{world.pod_url}/golden")
    world.deploy(CANARY, StubPredictor(golden={"rows": 3}))
    with pytest.raises(NoAnswerError, match="not read"):
        _asked(world).golden_rows(CANARY)
