"""Limits as a stack writes them."""

import pytest

from delivery.monitoring.limits import DriftLimits


def test_limits_are_read_from_the_settings() -> None:
    found = DriftLimits.from_json({"windowRows": 1000, "psi": 0.2})
    assert found == DriftLimits(window_rows=1000, psi=0.2)


def test_limits_that_are_left_out_are_not_guessed() -> None:
    with pytest.raises(KeyError, match="psi"):
        DriftLimits.from_json({"windowRows": 1000})
