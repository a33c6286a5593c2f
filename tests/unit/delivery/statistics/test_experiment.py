"""Intervals, verdicts and sizes of experiments."""

import math

import pytest

from delivery.statistics import experiment
from delivery.statistics.experiment import Difference, Sample


def _ones(ones: int, units: int) -> Sample:
    """Return a sample of a metric that is 0 or 1."""
    return Sample(units=units, total=ones, total_of_squares=ones)


def _width_of_the_paper(deviation: float, units: int, alpha: float, tuned_for: int) -> float:
    """Return equation 9 of arXiv 2103.06476 with the rho of its equation 161, term by term as printed."""
    rho = math.sqrt((-2 * math.log(alpha) + math.log(-2 * math.log(alpha) + 1)) / tuned_for)
    first = 2 * (units * rho**2 + 1) / (units**2 * rho**2)
    return deviation * math.sqrt(first * math.log(math.sqrt(units * rho**2 + 1) / alpha))


@pytest.mark.parametrize(
    ("challenger", "champion"),
    [
        (_ones(432, 3600), _ones(360, 3600)),
        (_ones(20, 150), _ones(900, 8000)),
        (
            Sample(units=250, total=-1000.0, total_of_squares=9000.0),
            Sample(units=300, total=75.5, total_of_squares=80.0),
        ),
    ],
)
def test_the_interval_is_the_papers_with_both_samples_in_one(challenger: Sample, champion: Sample) -> None:
    found = experiment.interval(challenger, champion)
    assert found is not None
    squares = 0.0
    for sample in (challenger, champion):
        mean = sample.total / sample.units
        deviations = sample.total_of_squares - sample.units * mean**2
        squares += deviations / (sample.units - 1) / sample.units
    units = challenger.units + champion.units
    expected = _width_of_the_paper(math.sqrt(squares * units), units, 0.05, 5000)
    assert found.half_width == pytest.approx(expected, rel=1e-12)
    assert found.difference == challenger.total / challenger.units - champion.total / champion.units
    assert (found.low, found.high) == (
        found.difference - found.half_width,
        found.difference + found.half_width,
    )


def test_the_width_of_7200_units_is_known_by_hand() -> None:
    # The variance is .12 * .88 / 3599 + .1 * .9 / 3599, the square of rho .0015872: 7200 of it are 11.428.
    found = experiment.interval(_ones(432, 3600), _ones(360, 3600))
    assert found is not None
    by_hand = math.sqrt(0.1956 / 3599 * 2 * 12.428060 / 11.428060 * math.log(math.sqrt(12.428060) / 0.05))
    assert found.half_width == pytest.approx(by_hand, rel=1e-7)
    assert found.half_width == pytest.approx(0.0224290, abs=1e-7)


@pytest.mark.parametrize(
    ("challenger", "champion", "verdict"),
    [
        (_ones(432, 3600), _ones(360, 3600), Difference.UNDECIDED),
        (_ones(1200, 10000), _ones(1000, 10000), Difference.BETTER),
        (_ones(1000, 10000), _ones(1200, 10000), Difference.WORSE),
        (_ones(1000, 10000), _ones(1001, 10000), Difference.NONE),
        # Larger than nothing is the stronger statement, even if it is less than matters.
        (_ones(22000, 200000), _ones(21000, 200000), Difference.BETTER),
    ],
)
def test_the_verdict_follows_from_the_interval(
    challenger: Sample, champion: Sample, verdict: Difference
) -> None:
    assert experiment.compare(challenger, champion, 0.02) is verdict


def test_few_units_or_units_that_are_all_alike_decide_nothing() -> None:
    assert experiment.compare(_ones(99, 99), _ones(1, 10000), 0.02) is Difference.UNDECIDED
    assert experiment.compare(_ones(99, 100), _ones(100, 10000), 0.02) is Difference.BETTER
    assert experiment.interval(_ones(0, 10000), _ones(50, 10000)) is None
    assert experiment.compare(_ones(10000, 10000), _ones(9000, 10000), 0.02) is Difference.UNDECIDED
    assert experiment.compare(Sample(), Sample(), 0.02) is Difference.UNDECIDED


def test_a_question_without_an_answer_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"^minimumEffect: 0 is not positive; give the difference that matters$"
    ):
        experiment.compare(Sample(), Sample(), 0)


def test_sums_that_no_numbers_have_are_refused() -> None:
    with pytest.raises(ValueError, match=r"^sample: 4 units cannot sum up to 4 with squares of 3\.9; give"):
        Sample(units=4, total=4, total_of_squares=3.9)
    with pytest.raises(ValueError, match=r"^sample: -1 units cannot"):
        Sample(units=-1)
    assert Sample(units=4, total=4, total_of_squares=4).units == 4
