import pytest
from hypothesis import given
from hypothesis import strategies as st

from delivery.verdict import Outcome
from loadtests import measurements
from loadtests.measurements import Observation
from loadtests.shapes import Phase
from loadtests.slo import Slo, judge


def run(
    rate: float,
    seconds: float,
    *,
    began: float = 0.0,
    phase: int = 0,
    latency: float = 0.01,
    late: float = 0.0,
) -> list[Observation]:
    """Return operations at equal gaps, all alike."""
    moments = [began + number / rate for number in range(round(rate * seconds))]
    return [Observation("ask", phase, due, due + late, due + late + latency) for due in moments]


@given(st.lists(st.floats(0, 1000), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_one_of_the_values_with_that_share_at_or_below_it(
    values: list[float], share: float
) -> None:
    ordered = sorted(values)
    found = measurements.percentile(ordered, share)
    assert found in ordered
    assert sum(value <= found for value in ordered) >= share * len(ordered) - 1e-9


def test_percentiles_are_nearest_rank() -> None:
    hundred = [float(value) for value in range(1, 101)]
    assert [measurements.percentile(hundred, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]
    assert measurements.percentile([], 0.5) == 0


def test_latency_counts_from_the_moment_an_operation_was_due() -> None:
    assert Observation("ask", 0, 1.0, 1.5, 1.6).latency_ms == pytest.approx(600)


def test_the_statistics_of_a_steady_run_leave_its_warm_up_out() -> None:
    warm = run(100, 2, phase=-1, latency=5.0)
    found = measurements.statistics(
        [*warm, *run(100, 10, began=2)],
        [Phase(rate=100, seconds=10)],
        warm_up_seconds=2,
        generator_cpu=0.25,
    )
    assert (found.asked, found.answered, found.failed, found.wrong) == (1000, 1000, 0, 0)
    assert (found.asked_per_second, found.sent_per_second, found.seconds) == (100, 100, 10)
    assert found.p50_ms == pytest.approx(10)
    assert found.late_p99_ms == pytest.approx(0)
    assert (found.generator_cpu, found.saturation_per_second) == (0.25, None)


def test_a_wrong_answer_of_the_warm_up_is_wrong_nevertheless() -> None:
    wrong = Observation("ask", -1, 0.5, 0.5, 0.6, "wrong: other", wrong=True)
    found = measurements.statistics(
        [wrong, *run(10, 1, began=1)], [Phase(rate=10, seconds=1)], warm_up_seconds=1, generator_cpu=0
    )
    assert (found.wrong, found.failed, found.answered) == (1, 0, 10)


def test_a_generator_that_falls_behind_has_sent_less_than_was_due() -> None:
    late = [
        Observation("ask", 0, due, due * 3, due * 3 + 0.01)
        for due in (number / 100 for number in range(1000))
    ]
    found = measurements.statistics(late, [Phase(rate=100, seconds=10)], warm_up_seconds=0, generator_cpu=0)
    assert found.asked_per_second == 100
    assert found.sent_per_second == pytest.approx(33.4, abs=0.2)
    assert found.late_p99_ms > 19_000


def ramp(rates: list[float], capacity: float, sent: float = 1e9) -> tuple[list[Observation], list[Phase]]:
    """Return a ramp against a server that answers at most `capacity` a second, in order."""
    phases = [Phase(rate=rate, seconds=4) for rate in rates]
    observations: list[Observation] = []
    free = generator = 0.0
    for index, phase in enumerate(phases):
        for number in range(round(phase.rate * phase.seconds)):
            due = index * 4 + number / phase.rate
            generator = max(due, generator + 1 / sent)
            free = max(generator, free) + 1 / capacity
            observations.append(Observation("ask", index, due, generator, free))
    return observations, phases


def test_a_ramp_finds_the_rate_at_which_the_server_is_saturated() -> None:
    observations, phases = ramp([100, 200, 400, 800], capacity=300)
    steps = measurements.steps(observations, phases, 0)
    assert [step.held for step in steps] == [True, True, False, False]
    assert measurements.saturated_at(steps) == 2
    assert measurements.saturation(steps) == pytest.approx(300, rel=0.02)
    assert measurements.find_generator_limit(steps) is None
    found = measurements.statistics(observations, phases, warm_up_seconds=0, generator_cpu=0, ramp=True)
    assert found.asked == 1200
    assert found.p99_ms < 10


def test_a_ramp_that_never_saturates_ends_at_its_last_rate() -> None:
    steps = measurements.steps(*ramp([100, 200], capacity=1000), 0)
    assert measurements.saturated_at(steps) is None
    assert measurements.saturation(steps) == pytest.approx(200, rel=0.02)


def test_a_ramp_that_loses_touch_at_once_is_judged_by_that() -> None:
    observations, phases = ramp([100, 200], capacity=20)
    found = measurements.statistics(observations, phases, warm_up_seconds=0, generator_cpu=0, ramp=True)
    assert found.asked == 1200
    assert found.saturation_per_second == pytest.approx(20, rel=0.05)
    verdict = judge(found, Slo(p99_ms=500, saturation_per_second=150))
    assert verdict.outcome is Outcome.FAILED


def test_one_hiccup_does_not_end_a_ramp() -> None:
    observations, phases = ramp([100, 200, 300, 400], capacity=1000)
    hiccup = [
        each._replace(ended=each.ended + 4) if each.phase == 1 and each.due > 5 else each
        for each in observations
    ]
    steps = measurements.steps(hiccup, phases, 0)
    assert [step.held for step in steps] == [True, False, True, True]
    assert measurements.saturated_at(steps) is None


def test_a_generator_that_gives_out_before_the_server_is_told_apart() -> None:
    steps = measurements.steps(*ramp([100, 200, 400, 800], capacity=1000, sent=250), 0)
    assert (
        measurements.find_generator_limit(steps) == "the generator sent 250.2/s instead of 400.0/s at the end"
    )


def test_no_second_is_left_out_of_the_series() -> None:
    found = measurements.series([*run(10, 1), *run(10, 1, began=2, latency=0.5)])
    assert [(each.seconds, each.asked, each.answered) for each in found] == [
        (0, 10, 10),
        (1, 0, 0),
        (2, 10, 10),
    ]
    assert found[1].p50_ms is None
    assert found[2].p99_ms == pytest.approx(500)
    assert measurements.series([]) == []


def test_operations_and_failures_are_told_apart() -> None:
    observations = [
        *run(10, 1),
        Observation("log", 0, 0.2, 0.2, 0.3, "HTTP 503"),
        Observation("log", 0, 0.1, 0.1, 0.3, "HTTP 503"),
        Observation("log", 0, 0.3, 0.3, 0.4, "wrong: other", wrong=True),
    ]
    found = {
        each.name: (each.count, each.failed, each.wrong) for each in measurements.operations(observations)
    }
    assert found == {"ask": (10, 0, 0), "log": (3, 2, 1)}
    assert [(each.what, each.count, each.first_seconds) for each in measurements.failures(observations)] == [
        ("HTTP 503", 2, 0.1),
        ("wrong: other", 1, 0.3),
    ]
