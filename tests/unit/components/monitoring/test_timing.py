import dataclasses

import pytest

from components.monitoring.timing import OPERATION, REHEARSAL, Timing, duration


@pytest.mark.parametrize(
    ("seconds", "text"), [(90, "90s"), (300, "5m"), (3600, "1h"), (21600, "6h"), (3660, "61m"), (20, "20s")]
)
def test_durations_are_written_in_their_largest_whole_unit(seconds: int, text: str) -> None:
    assert duration(seconds) == text


def test_a_window_with_fewer_than_four_samples_is_refused() -> None:
    with pytest.raises(ValueError, match="scrape_seconds: 30; a window of 60 s needs four samples"):
        dataclasses.replace(REHEARSAL, scrape_seconds=30)


@pytest.mark.parametrize("timing", [OPERATION, REHEARSAL])
def test_a_fast_burn_is_told_sooner_than_a_slow_one(timing: Timing) -> None:
    fast, slow = timing.burns
    assert fast.long_seconds < slow.long_seconds
    assert fast.factor > slow.factor
    assert fast.severity == "critical"


def test_a_rehearsed_alert_fires_within_two_minutes_and_an_operations_one_within_six() -> None:
    assert REHEARSAL.fires_within_seconds() <= 120
    assert OPERATION.fires_within_seconds() <= 360
    held = REHEARSAL.fires_within_seconds(REHEARSAL.pending_seconds, window_seconds=30)
    assert held == REHEARSAL.fires_within_seconds() + 10 + 30
