"""Training on several nodes is off unless a stack says otherwise."""

import pytest
from pydantic import ValidationError

from infra.settings.training import TrainingSettings


def test_it_is_off_by_default() -> None:
    assert TrainingSettings().enabled is False


def test_an_unknown_key_is_refused() -> None:
    with pytest.raises(ValidationError, match="nodes"):
        TrainingSettings.model_validate({"enabled": True, "nodes": 2})
