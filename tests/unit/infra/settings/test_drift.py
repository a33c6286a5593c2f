"""Settings of drift."""

import pytest
from pydantic import ValidationError

from infra.settings import stack_file
from infra.settings.drift import DriftSettings


def test_every_stack_looks_for_drift_by_default() -> None:
    drift = stack_file.settings("local").drift
    assert drift.as_limits() == {"windowRows": 1000, "psi": 0.2, "qualityTolerance": 0.03}
    assert drift.excluded_features == ()


def test_the_keys_are_those_of_stack_files() -> None:
    given = {
        "enabled": False,
        "windowRows": 5000,
        "psi": 0.3,
        "qualityTolerance": 0.1,
        "excludedFeatures": ["age"],
    }
    found = DriftSettings.model_validate(given)
    assert (found.window_rows, found.psi, found.excluded_features) == (5000, 0.3, ("age",))
    assert found.quality_tolerance == 0.1
    assert found.as_limits() is None


def test_a_window_of_too_few_rows_is_refused_with_the_reason() -> None:
    assert DriftSettings.model_validate({"windowRows": 500}).window_rows == 500
    with pytest.raises(
        ValidationError, match="499 rows differ from training by chance alone: give at least 500"
    ):
        DriftSettings.model_validate({"windowRows": 499})


@pytest.mark.parametrize("tolerance", [0, 0.51])
def test_a_tolerance_is_a_part_of_an_accuracy(tolerance: float) -> None:
    with pytest.raises(ValidationError, match="qualityTolerance"):
        DriftSettings.model_validate({"qualityTolerance": tolerance})


def test_the_schema_knows_the_least_rows() -> None:
    assert DriftSettings.model_json_schema()["properties"]["windowRows"]["minimum"] == 500
