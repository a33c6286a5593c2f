"""Settings of rollouts: shares that grow, and time for all of them."""

from typing import Any

import pytest
from pydantic import ValidationError

from delivery.rollouts.records import Defaults, Step
from infra.settings.rollouts import RolloutSettings


def _settings(**given: Any) -> RolloutSettings:
    return RolloutSettings.model_validate(given)


def test_a_stack_that_says_nothing_gives_a_version_every_request_at_once() -> None:
    assert Defaults.from_json(RolloutSettings().as_defaults()) == Defaults()


def test_what_a_stack_says_is_what_the_controller_reads() -> None:
    given = _settings(
        steps=[{"weight": 5, "seconds": 60}, {"weight": 50}],
        shadowRows=0,
        minimumAgreement=0.8,
        maxErrorRatio=0.02,
        deadlineSeconds=600,
        bakeSeconds=300,
        approval=True,
    )
    assert Defaults.from_json(given.as_defaults()) == Defaults(
        steps=(Step(weight=5, seconds=60), Step(weight=50, seconds=0)),
        shadow_rows=0,
        minimum_agreement=0.8,
        max_error_ratio=0.02,
        deadline_seconds=600,
        bake_seconds=300,
        approval=True,
    )


@pytest.mark.parametrize("weights", [(50, 5), (5, 5)])
def test_each_share_is_larger_than_the_one_before(weights: tuple[int, ...]) -> None:
    with pytest.raises(ValidationError, match=rf"steps: weights \[{weights[0]}, {weights[1]}\] are out of"):
        _settings(steps=[{"weight": each} for each in weights])


@pytest.mark.parametrize("seconds", [300, 301])
def test_a_deadline_before_the_last_step_ends_is_refused(seconds: int) -> None:
    steps = [{"weight": 5, "seconds": 300}, {"weight": 50, "seconds": seconds}]
    least = 300 + seconds
    with pytest.raises(ValidationError, match=f"deadlineSeconds: 600 are over before the steps' {least} s"):
        _settings(steps=steps, deadlineSeconds=600)
    assert _settings(steps=steps, deadlineSeconds=least + 1).deadline_seconds == least + 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"steps": [{"weight": 0}]}, "steps.0.weight"),
        ({"steps": [{"weight": 100}]}, "steps.0.weight"),
        ({"steps": [{"weight": 5, "seconds": -1}]}, "steps.0.seconds"),
        ({"steps": [{"share": 5}]}, "steps.0.share"),
        ({"maxErrorRatio": 0}, "maxErrorRatio"),
        ({"minimumAgreement": 0.4}, "minimumAgreement"),
        ({"minimumAgreement": 1}, "minimumAgreement"),
        ({"shadowRows": -1}, "shadowRows"),
        ({"maxErrorRatio": 0.6}, "maxErrorRatio"),
        ({"deadlineSeconds": 9}, "deadlineSeconds"),
        ({"bakeSeconds": 9}, "bakeSeconds"),
        ({"approve": True}, "approve"),
    ],
)
def test_a_wrong_value_is_refused_by_its_place(given: dict[str, Any], field: str) -> None:
    with pytest.raises(ValidationError) as refused:
        _settings(**given)
    assert field in {".".join(map(str, each["loc"])) for each in refused.value.errors()}
