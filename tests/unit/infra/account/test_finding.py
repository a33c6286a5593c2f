import pytest

from infra.account.finding import Finding


def test_a_failure_without_a_remedy_is_refused() -> None:
    with pytest.raises(ValueError, match="remedy: none given for the failed check of g6"):
        Finding("types", "g6", "not sold", failed=True)
