"""Whoever opens a store in AWS encrypts and verifies; taking that away from any client turns the rule red.

Neither stores nor clients are listed here: both are found in the plan of each stack.
"""

import re
from collections.abc import Callable, Mapping
from typing import Any, cast

import pytest

from simulation.aws.plan_rules import store_connections
from simulation.aws.plan_rules.store_connections import Client
from simulation.aws.rules import BUCKET, INSTANCE
from tests.fixtures import planned

_STACKS = ("dev", "staging", "prod")
_Object = Mapping[str, Any]
_Change = Callable[[str], str]
_ENCRYPTS = re.compile(r"(secure|use[-_]?https|use[-_]?ssl)$", re.I)


def _objects(stack: str) -> list[_Object]:
    return [each.inputs for each in planned.of_stack(stack).elsewhere if "metadata" in each.inputs]


def _name(obj: _Object) -> str:
    return f"{obj.get('kind')} {obj['metadata'].get('name')}"


def _texts(value: Any, change: _Change) -> Any:
    """Return a copy of a value with every text changed."""
    if isinstance(value, dict):
        return {key: _texts(each, change) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [_texts(each, change) for each in cast("list[Any]", value)]
    return change(value) if isinstance(value, str) else value


def _variables(value: Any, change: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Any:
    """Return a copy of a value in which each pair of name and value is changed, or gone."""
    if isinstance(value, dict):
        return {key: _variables(each, change) for key, each in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        pairs = [
            change(each) if isinstance(each, dict) and {"name", "value"} <= each.keys() else each
            for each in cast("list[Any]", value)
        ]
        return [_variables(each, change) for each in pairs if each is not None]
    return value


def _turned_off(pair: dict[str, Any]) -> dict[str, Any]:
    return {**pair, "value": "false"} if _ENCRYPTS.search(pair["name"]) else pair


def _unsaid(pair: dict[str, Any]) -> dict[str, Any] | None:
    return None if _ENCRYPTS.search(pair["name"]) else pair


def _without_mounts(value: Any) -> Any:
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        return {key: _without_mounts(each) for key, each in table.items() if key != "volumeMounts"}
    if isinstance(value, list):
        return [_without_mounts(each) for each in cast("list[Any]", value)]
    return value


def _replaced(pattern: str, new: str) -> Callable[[_Object], _Object]:
    return lambda obj: _texts(obj, lambda text: re.sub(pattern, new, text))


# Ways to lose TLS; each is tried on every object that it changes.
_LOSSES: Mapping[str, Callable[[_Object], _Object]] = {
    "in clear text": _replaced(r"https://(?=[\w.-]*amazonaws)", "http://"),
    "without a scheme": _replaced(r"https://(?=[\w.-]*amazonaws)", ""),
    "a switch off": lambda obj: _variables(obj, _turned_off),
    "a switch unsaid": lambda obj: _variables(obj, _unsaid),
    "insecure in a text": _replaced(r'"(insecure|disableSSL)": false', r'"\1": true'),
    "nothing in a text": _replaced(r'"(insecure|disableSSL)": false', '"other": false'),
    "encrypted and unverified": _replaced(r"sslmode=verify-full", "sslmode=require"),
    "no mode": _replaced(r"\?sslmode=verify-full", ""),
    "any certificate": _replaced(r'"tls": "true"', '"tls": "skip-verify"'),
    "no TLS in a text": _replaced(r', "tls": "true"', ""),
    "no authorities": _without_mounts,
}


def _lost(stack: str, loss: str) -> list[tuple[_Object, list[_Object]]]:
    """Return each client whose text, or mount, a loss changes, and the stack's objects with that change."""
    objects = _objects(stack)
    holders = {id(each.object) for each in store_connections.clients(objects) if _may_lose(each, loss)}
    found: list[tuple[_Object, list[_Object]]] = []
    for each in objects:
        changed = _LOSSES[loss](each)
        if id(each) in holders and changed != each:
            found.append((each, [changed if one is each else one for one in objects]))
    return found


def _may_lose(client: Client, loss: str) -> bool:
    """Return whether a loss matters: the Secret of a URL mounts nothing, and S3 has public authorities."""
    return loss != "no authorities" or client.connects_to(".rds.amazonaws.com")


@pytest.mark.parametrize("stack", _STACKS)
def test_every_database_and_the_buckets_have_clients_that_the_rule_sees(stack: str) -> None:
    plan = planned.of_stack(stack)
    clients = [*store_connections.clients(_objects(stack))]
    databases = [each.name for each in plan.of_type(INSTANCE)]
    assert len(databases) == 2
    assert [each for each in databases if not any(one.connects_to(f"{each}.") for one in clients)] == []
    assert len(plan.of_type(BUCKET)) > 1
    assert [each for each in clients if each.connects_to("s3.")]
    assert [f"{_name(each.object)}: {each.faults}" for each in clients if each.faults] == []


@pytest.mark.parametrize("loss", _LOSSES)
@pytest.mark.parametrize("stack", _STACKS)
def test_a_client_that_loses_its_tls_breaks_the_rule(stack: str, loss: str) -> None:
    lost = _lost(stack, loss)
    assert lost, f"no client of {stack} could lose its TLS that way"
    unseen = [_name(client) for client, objects in lost if not [*store_connections.find_unverified(objects)]]
    assert unseen == []


@pytest.mark.parametrize("stack", _STACKS)
def test_there_is_a_way_for_every_client_to_lose_its_tls(stack: str) -> None:
    tried = {_name(client) for loss in _LOSSES for client, _ in _lost(stack, loss)}
    clients = {_name(each.object) for each in store_connections.clients(_objects(stack))}
    assert tried == clients
