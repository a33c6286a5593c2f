"""Controllers work with the rights that a stack gives them: these suffice, and each of them is needed.

Pytest runs this module last, after the controllers have done everything that the other tests ask of them.
"""

import tomllib
from fnmatch import filter as filter_names
from fnmatch import fnmatch
from pathlib import Path

import pytest

from components.shapes.access_rights import READ
from simulation.gpus import accounts, requests
from simulation.gpus.accounts import Account
from simulation.gpus.tier import Tier
from tests.fixtures import refusals

_UNUSED = tomllib.loads(Path(__file__).with_name("unused_rights.toml").read_text())
CONTROLLERS = accounts.controllers()


@pytest.mark.parametrize("account", CONTROLLERS, ids=lambda account: account.name)
def test_a_controller_is_refused_nothing(tier: Tier, account: Account) -> None:
    found = {each for each in requests.read(tier.requests_log) if each.user == account.user}
    assert len(found) >= 10, "the log is not that of a controller at work"
    refused = requests.refused(found, account.user)
    assert not refused, f"{account.name} may not, but wants to: {refused}"
    complaints = refusals.lines(tier.programs.log(account.name))
    assert not complaints, complaints[:3]


def _coarse(right: str) -> str:
    """Return a right with one verb for all reading: a cache watches, and lists or gets where that fails."""
    verb, resource = right.split(" ")
    return f"{'read' if verb in READ else verb} {resource}"


def _explained(account: Account) -> set[str]:
    """Return patterns of the rights that rows explain."""
    rows = _UNUSED[account.name]
    assert all(each["why"] for each in rows)
    return {
        f"{verb} {resource}"
        for each in rows
        for verb in each["verbs"].split()
        for resource in each["resources"]
    }


def _unmatched(rights: set[str], patterns: set[str]) -> list[str]:
    return sorted(each for each in rights if not any(fnmatch(each, pattern) for pattern in patterns))


@pytest.mark.parametrize("account", CONTROLLERS, ids=lambda account: account.name)
def test_a_right_is_used_or_is_granted_for_a_reason(tier: Tier, account: Account) -> None:
    made = requests.read(tier.requests_log)
    used = {_coarse(each.right) for each in made if each.user == account.user}
    granted = {_coarse(each) for each in account.rights()}
    explained = _explained(account)
    needless = _unmatched(granted - used, explained)
    assert not needless, f"nothing used them, and no row says why {account.name} has them: {needless}"
    stale = sorted(pattern for pattern in explained if not filter_names(granted, pattern))
    assert not stale, f"rows for what {account.name} does not have: {stale}"


def test_a_refused_request_would_be_seen(tier: Tier) -> None:
    """The account of pods that name none has no rights: what it asks for is on record as refused."""
    nobody = Account(name="default", namespace=accounts.KUEUE_NAMESPACE, cluster=(), own=())
    assert "secrets is forbidden" in tier.refusal(nobody, "/api/v1/secrets")
    found = {each for each in requests.read(tier.requests_log) if each.user == nobody.user}
    assert {(each.right, each.allowed) for each in found} == {("list secrets", False)}
