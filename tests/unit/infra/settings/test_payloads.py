"""Settings of recorded requests."""

from typing import Any

import pytest
from pydantic import ValidationError

from infra.settings.payloads import PayloadSettings


def test_every_request_is_kept_for_a_week_by_default() -> None:
    found = PayloadSettings()
    assert (found.enabled, found.sample_rate, found.keep_days, found.excluded_features) == (True, 1.0, 7, ())


@pytest.mark.parametrize("wrong", [{"sampleRate": 0}, {"sampleRate": 1.1}, {"keepDays": 0}])
def test_what_keeps_nothing_is_refused(wrong: dict[str, Any]) -> None:
    # Nothing at all is `enabled: false`, which also closes the port.
    with pytest.raises(ValidationError):
        PayloadSettings.model_validate(wrong)
