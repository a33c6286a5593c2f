"""Parameters to Katib and back."""

import pytest

from workloads.experiments.proposals import parameter_specs, proposed_parameters
from workloads.steps.search_spaces import FAMILIES, narrowed


def test_magnitudes_are_proposed_as_logarithms_and_whole_numbers_with_both_ends() -> None:
    space = narrowed("xgboost", ["n_estimators=20..30", "subsample=0.5", "learning_rate=0.01..0.1"])
    specs = {each["name"]: each["feasibleSpace"] for each in parameter_specs(space)}
    assert specs["learning_rate_log10"] == {"min": "-2.0", "max": "-1.0"}
    assert specs["n_estimators"] == {"min": "19.5", "max": "30.5"}
    assert specs["colsample_bytree"] == {"min": "0.3", "max": "1.0"}
    assert "subsample" not in specs


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_proposed_at_either_end_is_a_bound(family: str) -> None:
    space = narrowed(family, [])
    for end, bound in (("min", "low"), ("max", "high")):
        proposed = {each["name"]: float(each["feasibleSpace"][end]) for each in parameter_specs(space)}
        found = proposed_parameters(space, proposed)
        for name, bounds in space.items():
            assert found[name] == pytest.approx(getattr(bounds, bound), rel=1e-12)
            assert bounds.low <= found[name] <= bounds.high
            assert isinstance(found[name], int if bounds.whole else float)


def test_a_fixed_parameter_keeps_its_value() -> None:
    space = narrowed("linear", ["regularization=0.001..1000"]) | narrowed("random_forest", ["max_depth=4"])
    assert proposed_parameters(space, {"regularization_log10": 2.0})["max_depth"] == 4
