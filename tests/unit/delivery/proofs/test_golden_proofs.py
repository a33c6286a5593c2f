"""When versions under rollout are asked for their golden rows, and what follows from their answers."""

from collections.abc import Generator
from pathlib import Path

import pytest

from delivery.proofs import predictors
from delivery.proofs.golden_proofs import GoldenProofs
from delivery.proofs.golden_rows import Outcome
from delivery.proofs.predictors import Predictors
from tests.unit.delivery.stub_predictors import (
    CANARY,
    GOLDEN,
    StubPredictor,
    StubPredictors,
    stub_predictors,
    swapped,
)


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Generator[StubPredictors]:
    with stub_predictors(tmp_path) as made:
        monkeypatch.setattr(predictors, "GOLDEN_URL", f"{made.pod_url}/golden")
        yield made


def _proofs(world: StubPredictors, *, are_offered: bool = True) -> GoldenProofs:
    return GoldenProofs(Predictors(world.service_url, world.cluster), are_offered=are_offered)


def _outcome(proofs: GoldenProofs, seconds: float = 2, *, is_proven: bool = True) -> Outcome | None:
    found = proofs.check("r", CANARY, seconds, is_proven=is_proven)
    return found.outcome if found else None


def test_a_version_is_asked_at_once_and_then_every_ten_seconds(world: StubPredictors) -> None:
    pod = world.deploy(CANARY, StubPredictor(golden=GOLDEN))
    proofs = _proofs(world)
    assert _outcome(proofs, is_proven=False) is Outcome.EQUAL
    assert [_outcome(proofs) for _ in range(4)] == [None] * 4
    pod.predict = swapped
    assert _outcome(proofs) is Outcome.DIFFERENT
    assert len(pod.requests) == 2
    # Its predictor does not take them for traffic.
    assert all(identity.startswith("plinth-check-") for identity, _ in pod.requests)


def test_a_controller_that_starts_again_asks_at_once(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor(golden=GOLDEN, predict=swapped))
    assert _outcome(_proofs(world)) is Outcome.DIFFERENT


def test_a_version_without_golden_rows_is_not_asked_again(world: StubPredictors) -> None:
    pod = world.deploy(CANARY, StubPredictor())
    proofs = _proofs(world)
    assert _outcome(proofs, is_proven=False) is Outcome.ABSENT
    pod.golden = GOLDEN
    assert _outcome(proofs, seconds=20) is None
    # Another rollout may be of another version.
    found = proofs.check("other", CANARY, 2, is_proven=False)
    assert found is not None
    assert found.outcome is Outcome.EQUAL


def test_where_predictors_have_no_such_page_the_rollout_is_told_so(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor(golden=GOLDEN))
    found = _proofs(world, are_offered=False).check("r", CANARY, 2, is_proven=False)
    assert found is not None
    assert (found.outcome, found.says) == (
        Outcome.ABSENT,
        "predictors offer no golden rows: neither drift nor payloads are enabled",
    )


def test_a_pod_whose_port_is_closed_offers_none(
    world: StubPredictors, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.deploy(CANARY, StubPredictor(golden=GOLDEN))
    monkeypatch.setattr(predictors, "GOLDEN_URL", "http://127.0.0.1:1/golden")
    found = _proofs(world).check("r", CANARY, 2, is_proven=False)
    assert found is not None
    assert (found.outcome, found.says) == (
        Outcome.ABSENT,
        "golden rows are not compared: its predictor has no port for them",
    )


def test_a_version_that_does_not_answer_is_asked_again(world: StubPredictors) -> None:
    proofs = _proofs(world)
    assert _outcome(proofs, is_proven=False) is Outcome.UNREAD
    pod = world.deploy(CANARY, StubPredictor(golden=GOLDEN, predict=lambda _: (500, {"error": "x"})))
    assert _outcome(proofs, is_proven=False) is Outcome.UNREAD
    pod.predict = StubPredictor().predict
    assert _outcome(proofs, is_proven=False) is Outcome.EQUAL


def test_a_version_that_refuses_its_own_golden_rows_is_another_one(world: StubPredictors) -> None:
    world.deploy(CANARY, StubPredictor(golden=GOLDEN, predict=lambda _: (400, {"error": "no column c"})))
    found = _proofs(world).check("r", CANARY, 2, is_proven=False)
    assert found is not None
    assert found.outcome is Outcome.DIFFERENT
    assert "HTTP 400" in found.says
    assert "no column c" in found.says
