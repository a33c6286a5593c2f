"""The API of a stack with two teams, once for all tests of what is refused."""

from collections.abc import Generator

import pytest

from tests.fixtures.enforced_stack import EnforcedStack, enforced_stack
from tests.fixtures.front_door import SETTINGS


@pytest.fixture(scope="session")
def stack_of_teams(tmp_path_factory: pytest.TempPathFactory) -> Generator[EnforcedStack]:
    """The API server of a stack with the teams `research` and `applied`, and without a node."""
    with enforced_stack(tmp_path_factory.mktemp("enforced"), SETTINGS) as stack:
        yield stack
