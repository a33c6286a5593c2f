from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from delivery.verdict import Outcome, Verdict
from loadtests.slo import KEEPS_UP, Slo, Statistics, as_document, judge
from tests.fixtures.load_runs import GOOD

LEVELS = Slo(p50_ms=10, p95_ms=50, p99_ms=100, error_ratio=0.01, requests_per_second=90)

counts = st.integers(min_value=0, max_value=10_000)
figures = st.floats(min_value=0, max_value=1e6, allow_nan=False)
measured = st.builds(
    Statistics,
    asked=counts,
    answered=counts,
    failed=counts,
    wrong=counts,
    seconds=figures,
    asked_per_second=figures,
    sent_per_second=figures,
    answered_per_second=figures,
    p50_ms=figures,
    p95_ms=figures,
    p99_ms=figures,
    max_ms=figures,
    late_p99_ms=figures,
    generator_cpu=figures,
    saturation_per_second=st.none() | figures,
)


@st.composite
def levels(draw: st.DrawFn) -> Slo:
    latencies = sorted(draw(st.lists(st.floats(min_value=0.1, max_value=60_000), min_size=3, max_size=3)))
    stated = [value if draw(st.booleans()) else None for value in latencies]
    return Slo(
        p50_ms=stated[0],
        p95_ms=stated[1],
        p99_ms=stated[2],
        error_ratio=draw(st.floats(min_value=0, max_value=0.99)),
        requests_per_second=draw(st.none() | st.floats(min_value=0.1, max_value=10_000)),
        saturation_per_second=draw(st.none() | st.floats(min_value=0.1, max_value=10_000)),
    )


def test_met_service_levels_pass_without_a_reason() -> None:
    assert judge(GOOD, LEVELS) == Verdict(outcome=Outcome.PASSED)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"p50_ms": 11}, "p50 11.0 ms, maximum 10 ms"),
        ({"p95_ms": 51}, "p95 51.0 ms, maximum 50 ms"),
        ({"p99_ms": 101}, "p99 101.0 ms, maximum 100 ms"),
        ({"failed": 11, "answered": 989}, "error ratio 0.0110, maximum 0.01"),
        ({"answered_per_second": 89}, "89.0 good answers/s, minimum 90/s"),
        ({"wrong": 1}, "1 operations were answered wrongly"),
    ],
)
def test_each_missed_service_level_fails_with_its_reason(change: dict[str, float], reason: str) -> None:
    assert judge(replace(GOOD, **change), LEVELS) == Verdict(outcome=Outcome.FAILED, reasons=(reason,))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"sent_per_second": 94}, "the generator sent 94.0/s instead of 100.0/s"),
        ({"late_p99_ms": 51}, "the generator was 51 ms late at p99 (maximum 50 ms)"),
        ({"asked": 0}, "no operation was due"),
    ],
)
def test_a_generator_that_could_not_keep_up_makes_a_run_invalid(
    change: dict[str, float], reason: str
) -> None:
    slow = replace(GOOD, **change, p99_ms=5000)
    assert judge(slow, LEVELS) == Verdict(outcome=Outcome.INVALID, reasons=(reason,))


def test_a_wrong_answer_is_a_failure_even_of_a_generator_that_could_not_keep_up() -> None:
    verdict = judge(replace(GOOD, wrong=1, sent_per_second=1), LEVELS)
    assert verdict.outcome is Outcome.FAILED


def test_a_ramp_that_saturates_too_early_fails() -> None:
    slo = Slo(saturation_per_second=150)
    assert judge(replace(GOOD, saturation_per_second=149.0), slo).reasons == (
        "saturated at 149.0/s, minimum 150/s",
    )
    assert judge(replace(GOOD, saturation_per_second=150.0), slo).outcome is Outcome.PASSED


@given(measured, levels())
def test_a_verdict_has_reasons_exactly_where_it_did_not_pass(found: Statistics, slo: Slo) -> None:
    verdict = judge(found, slo)
    assert (verdict.outcome is Outcome.PASSED) == (verdict.reasons == ())
    assert judge(found, slo) == verdict


@given(measured, levels())
def test_no_wrong_answer_and_no_starved_generator_ever_passes(found: Statistics, slo: Slo) -> None:
    starved = found.sent_per_second < KEEPS_UP * found.asked_per_second
    if found.wrong or starved or not found.asked:
        assert judge(found, slo).outcome is not Outcome.PASSED


@given(measured, levels(), st.floats(min_value=0, max_value=1))
def test_what_passes_also_passes_where_it_is_better(found: Statistics, slo: Slo, share: float) -> None:
    better = replace(
        found,
        failed=int(found.failed * share),
        p50_ms=found.p50_ms * share,
        p95_ms=found.p95_ms * share,
        p99_ms=found.p99_ms * share,
        late_p99_ms=found.late_p99_ms * share,
        sent_per_second=max(found.sent_per_second, found.asked_per_second),
        answered_per_second=found.answered_per_second * 2,
    )
    if judge(found, slo).outcome is Outcome.PASSED:
        assert judge(better, slo).outcome is Outcome.PASSED


@given(measured, levels())
def test_a_figure_at_its_limit_meets_it(found: Statistics, slo: Slo) -> None:
    at_limit = replace(
        found,
        asked=max(1, found.asked),
        answered=max(1, found.answered),
        failed=0,
        wrong=0,
        sent_per_second=found.asked_per_second,
        late_p99_ms=0.0,
        p50_ms=slo.p50_ms or found.p50_ms,
        p95_ms=slo.p95_ms or found.p95_ms,
        p99_ms=slo.p99_ms or found.p99_ms,
        answered_per_second=slo.requests_per_second or found.answered_per_second,
        saturation_per_second=slo.saturation_per_second,
    )
    assert judge(at_limit, slo).outcome is Outcome.PASSED


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_an_error_ratio_is_between_none_and_all(answered: int, failed: int, wrong: int) -> None:
    ratio = replace(GOOD, answered=answered, failed=failed, wrong=wrong).error_ratio
    assert 0 <= ratio <= 1
    assert (ratio == 0) == (failed + wrong == 0 and answered > 0)


@pytest.mark.parametrize(
    "document",
    [
        {"p99ms": 1},
        {"p99Ms": 0},
        {"p99Ms": float("nan")},
        {"errorRatio": 1},
        {"p50Ms": 20, "p99Ms": 10},
        {"requestsPerSecond": float("inf")},
    ],
)
def test_contradictory_service_levels_are_refused(document: dict[str, float]) -> None:
    with pytest.raises(ValidationError):
        Slo.model_validate(document)


def test_a_document_has_only_what_is_judged() -> None:
    assert as_document(Slo(p99_ms=5)) == {"p99_ms": 5.0, "error_ratio": 0.0}
