"""The table of calls is well-formed; the test of the policies compares it with plans and with AWS's calls."""

import pytest

from infra.account.deployer_actions import CALLS


@pytest.mark.parametrize("token", sorted(CALLS))
def test_a_type_has_calls_of_one_service_and_no_wildcards(token: str) -> None:
    calls = CALLS[token]
    actions = (*calls.writes, *calls.deletes, *calls.reads)
    assert calls.reads
    assert len({action.partition(":")[0] for action in actions}) == 1
    assert not [action for action in actions if "*" in action]
    if calls.writes or calls.deletes:
        assert calls.on
    assert {*calls.names_of} <= CALLS.keys()
