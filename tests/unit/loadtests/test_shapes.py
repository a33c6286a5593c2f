import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from loadtests.shapes import Phase, Ramp, Soak, Spike, Steady, due

rates = st.floats(min_value=0.5, max_value=200)
phases = st.lists(
    st.builds(Phase, rate=rates, seconds=st.floats(min_value=0.5, max_value=10)), min_size=1, max_size=4
).map(tuple)


@given(phases)
def test_equal_gaps_make_as_many_operations_as_rate_and_time_say(shape: tuple[Phase, ...]) -> None:
    moments = list(due(shape, poisson=False, seed=0))
    for index, phase in enumerate(shape):
        count = sum(found == index for found, _ in moments)
        assert abs(count - phase.rate * phase.seconds) <= 1


@given(phases, st.booleans(), st.integers(0, 100))
def test_operations_become_due_in_order_and_within_their_phase(
    shape: tuple[Phase, ...], poisson: bool, seed: int
) -> None:
    moments = list(due(shape, poisson=poisson, seed=seed))
    assert moments == sorted(moments, key=lambda each: each[1])
    began = [sum(phase.seconds for phase in shape[:index]) for index in range(len(shape) + 1)]
    for index, second in moments:
        assert began[index] <= second < began[index + 1] + 1e-9


def test_independent_callers_come_at_the_rate_on_average() -> None:
    moments = list(due((Phase(rate=100, seconds=100),), poisson=True, seed=1))
    assert abs(len(moments) - 10_000) < 400
    gaps = [later[1] - former[1] for former, later in itertools.pairwise(moments)]
    assert max(gaps) > 5 * sum(gaps) / len(gaps)


def test_the_same_seed_gives_the_same_load() -> None:
    shape = (Phase(rate=50, seconds=2),)
    assert list(due(shape, poisson=True, seed=3)) == list(due(shape, poisson=True, seed=3))
    assert list(due(shape, poisson=True, seed=3)) != list(due(shape, poisson=True, seed=4))


def test_a_ramp_grows_step_by_step_up_to_its_limit() -> None:
    ramp = Ramp(rate=100, limit=220, growth=1.5, step_seconds=2)
    assert [phase.rate for phase in ramp.phases()] == [100, 150]
    assert ramp.total_seconds == 4


def test_a_spike_is_calm_before_and_after() -> None:
    spike = Spike(rate=10, peak=100, seconds=5, peak_seconds=2)
    assert [(phase.rate, phase.seconds) for phase in spike.phases()] == [(10, 5), (100, 2), (10, 5)]


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda: Steady(rate=5000, seconds=3600), "too many"),
        (lambda: Spike(rate=10, peak=10, seconds=1, peak_seconds=1), "is not above rate"),
        (lambda: Ramp(rate=100, limit=110), "leaves no step"),
        (lambda: Soak(rate=1, seconds=10), "greater than or equal to 300"),
        (lambda: Steady(rate=0, seconds=1), "greater than 0"),
        (lambda: Ramp(rate=1, limit=5000, growth=1.001), "greater than or equal to 1.05"),
        (lambda: Ramp(rate=1000, limit=5000, growth=1.05, step_seconds=60), "too many"),
    ],
)
def test_a_shape_without_sense_or_end_is_refused(make: object, reason: str) -> None:
    assert callable(make)
    with pytest.raises(ValidationError, match=reason):
        make()
