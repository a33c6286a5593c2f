"""Settings of retraining."""

from typing import Any

import pytest

from infra.errors import SettingsError
from infra.settings import reader

CLUSTER = {"kind": "kubeconfig", "name": "local"}


def _limits(**chosen: Any) -> Any:
    return reader.parse({"cluster": CLUSTER, "retraining": chosen}).retraining.as_limits()


def test_without_a_word_drift_begins_two_runs_a_week_a_day_apart_and_with_labels_alone() -> None:
    assert _limits() == {"cooldownSeconds": 86400, "maxPerWeek": 2, "minimumLabelledRows": 200}


def test_it_can_be_turned_off_and_be_made_faster() -> None:
    assert _limits(enabled=False) is None
    assert _limits(cooldownSeconds=120, maxPerWeek=7)["cooldownSeconds"] == 120


@pytest.mark.parametrize("chosen", [{"cooldownSeconds": 0}, {"maxPerWeek": 0}, {"minimumLabelledRows": 1}])
def test_what_would_train_without_an_end_or_on_nothing_is_refused(chosen: dict[str, int]) -> None:
    (name,) = chosen
    with pytest.raises(
        SettingsError, match=rf"plinth:retraining\.{name} is .*; it must be greater than or equal"
    ):
        _limits(**chosen)
