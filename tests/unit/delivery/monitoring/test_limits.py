"""Limits as a stack writes them."""

import pytest

from delivery.monitoring.limits import DriftLimits


def test_limits_are_read_from_the_settings() -> None:
    found = DriftLimits.from_json({"windowRows": 1000, "psi": 0.2, "qualityTolerance": 0.03})
    assert found == DriftLimits(window_rows=1000, psi=0.2, quality_tolerance=0.03)


def test_limits_that_are_left_out_are_not_guessed() -> None:
    for missing in ("windowRows", "psi", "qualityTolerance"):
        given = {"windowRows": 1000, "psi": 0.2, "qualityTolerance": 0.03}
        del given[missing]
        with pytest.raises(KeyError, match=missing):
            DriftLimits.from_json(given)
