"""The numbers that nights are compared by."""

from harness.evidence import figures
from tests.fixtures.nights import GREEN, RED, RUNNING


def test_a_whole_night_measures_every_figure() -> None:
    found = figures.of_night(GREEN)
    assert set(found) == {figure.name for figure in figures.FIGURES}
    assert found["up_seconds"] == 305.0
    # Nights of earlier releases had no slow journeys.
    assert found["seconds"] == 1410.0 - 100.0
    assert found["saturation_per_second"] == 372.0
    assert found["half_p99_ms"] == 17.4
    assert found["promises_passed"] == 6


def test_phases_that_were_not_reached_have_no_figure() -> None:
    assert set(figures.of_night(RUNNING)) == {"promises_passed", "up_seconds", "chain_seconds", "memory_mib"}
    assert "seconds" not in figures.of_night(RED)
    assert figures.outcomes(RED) == {"passed": 5, "failed": 1}
