"""Where people sign in."""

import pytest

from infra.settings.identity import IdentityKind, IdentitySettings

pytestmark = pytest.mark.unit


def test_a_stack_asks_who_somebody_is_unless_it_declines_to() -> None:
    asked = [kind for kind in IdentityKind if IdentitySettings(kind=kind).enabled]
    assert asked == [IdentityKind.LOCAL, IdentityKind.OIDC]
    assert IdentitySettings().kind is IdentityKind.LOCAL
