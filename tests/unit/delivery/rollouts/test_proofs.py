"""Conditions of a rollout: golden rows first, then agreement, and what both are worth."""

from dataclasses import replace
from typing import Any

import pytest

from delivery.proofs.comparison import Replayed
from delivery.proofs.golden_rows import GoldenCheck, Outcome
from delivery.rollouts import proofs
from delivery.rollouts.records import Condition, Kind, Status
from delivery.statistics.agreement import AgreementCounts
from tests.unit.delivery.rollouts.rollout_cases import PROVEN, rollout
from workloads.serving.model_rollout import Phase

_GOLDEN = PROVEN[0]
_SHADOW = Status(phase=Phase.SHADOW, stable_version="1", conditions=(_GOLDEN,))


def _replayed(rows: int, different: int, *, is_over: bool = False) -> Replayed:
    return Replayed(counts=AgreementCounts(rows=rows, different=different), is_over=is_over)


def _agreement(status: Status, seen: Replayed | None, **changes: Any) -> Condition | None:
    has_served = changes.pop("has_served", False)
    found = proofs.with_agreement(rollout(status, **changes), status, seen, has_served=has_served)
    return found.condition(Kind.AGREEMENT)


@pytest.mark.parametrize(
    ("outcome", "holds"),
    [(Outcome.EQUAL, True), (Outcome.DIFFERENT, False), (Outcome.ABSENT, None)],
)
def test_what_golden_rows_have_shown_is_a_condition(outcome: Outcome, holds: bool | None) -> None:
    found = proofs.with_golden(Status(), GoldenCheck(outcome=outcome, says="2 rows"))
    assert found.conditions == (
        Condition(kind=Kind.GOLDEN_ROWS, holds=holds, reason=outcome, message="2 rows"),
    )


def test_a_look_without_an_answer_changes_nothing() -> None:
    for check in (None, GoldenCheck(outcome=Outcome.UNREAD, says="no answer")):
        assert proofs.with_golden(_SHADOW, check) is _SHADOW


def test_nothing_is_compared_before_golden_rows() -> None:
    assert _agreement(replace(_SHADOW, conditions=()), _replayed(100, 0, is_over=True)) is None


def test_a_version_that_agrees_has_shown_it_once_all_rows_are_replayed() -> None:
    assert _agreement(_SHADOW, _replayed(100, 3)) is None
    found = _agreement(_SHADOW, _replayed(100, 3, is_over=True))
    assert found == Condition(
        kind=Kind.AGREEMENT,
        holds=True,
        reason="Agrees",
        message="3 of 100 recorded rows are answered otherwise than by version 1",
    )


def test_a_version_that_disagrees_is_known_before_the_last_row() -> None:
    found = _agreement(_SHADOW, _replayed(5, 5))
    assert found == Condition(
        kind=Kind.AGREEMENT,
        holds=False,
        reason="Disagrees",
        message="5 of 5 recorded rows are answered otherwise than by version 1; minimumAgreement is 0.9",
    )


def test_a_few_rows_prove_nothing() -> None:
    found = _agreement(_SHADOW, _replayed(2, 2, is_over=True))
    assert found is not None
    assert found.holds is True
    # A stricter rollout needs fewer.
    found = _agreement(_SHADOW, _replayed(2, 2, is_over=True), minimum_agreement=0.99)
    assert found is not None
    assert found.holds is False


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"shadow_rows": 0}, "NotAsked"),
        ({"has_served": True}, "HasServed"),
        ({"version": "1"}, "NothingServes"),
    ],
)
def test_where_nothing_is_to_be_compared_the_condition_says_why(changes: Any, reason: str) -> None:
    found = _agreement(_SHADOW, None, **changes)
    assert found is not None
    assert (found.holds, found.reason) == (None, reason)


def test_without_recorded_rows_the_condition_says_so() -> None:
    found = _agreement(_SHADOW, Replayed(without="no rows of version 1 are recorded"))
    assert found is not None
    assert (found.holds, found.reason, found.message) == (
        None,
        "NoRecordedRows",
        "no rows of version 1 are recorded",
    )


def test_a_result_stays_and_a_replay_that_begins_anew_does_not() -> None:
    proven = replace(_SHADOW, conditions=PROVEN)
    assert proofs.with_agreement(rollout(proven), proven, _replayed(5, 5), has_served=False) is proven
    half = replace(_SHADOW, shadow=AgreementCounts(rows=50, different=1))
    found = proofs.with_agreement(rollout(half), half, None, has_served=False)
    assert found.shadow == AgreementCounts()
