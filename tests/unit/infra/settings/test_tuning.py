"""Katib is there where a stack asks for it."""

import pytest

from infra.errors import SettingsError
from infra.settings import reader
from tests.unit.infra import choices


def test_a_stack_has_no_katib_by_default() -> None:
    assert not reader.parse(choices.of_stack("local")).tuning.enabled


def test_a_database_that_nobody_here_makes_is_refused() -> None:
    given = choices.of_stack("prod") | {"tuning": {"enabled": True}}
    with pytest.raises(SettingsError, match=r"plinth:tuning.enabled is true and storage.postgres is rds"):
        reader.parse(given)
