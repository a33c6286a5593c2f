"""Parts that do not fit together are refused in one line, and every list follows from those that do."""

from typing import Any

import pytest

from components.connections import Bucket, GatewayConnection
from infra.errors import SettingsError
from infra.parts import PARTS
from infra.parts.part import Need, Part
from infra.parts.plan import plan
from infra.parts.records import ManagedBucket, ManagedDatabase, Volume
from infra.parts.secrets import Password
from infra.settings import reader, stack_file
from tests.fixtures import platform
from tests.unit.infra.parts.sample import SETTINGS, Left, Right, part, route, unwanted


def refusal(*parts: Part) -> str:
    with pytest.raises(SettingsError) as caught:
        plan(SETTINGS, parts)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize(
    ("claim", "message"),
    [
        ({"namespaces": ("data",)}, "both claim the namespace data"),
        ({"own_namespaces": lambda _: ("data",)}, "both claim the namespace data"),
        ({"images": ("server",)}, "both claim the image server"),
        ({"routes": lambda _: (route("ui"),)}, "both claim the host ui"),
        ({"secrets": (Password(key="password"),)}, "both claim the secret password"),
        ({"own_secrets": lambda _: (Password(key="password"),)}, "both claim the secret password"),
        ({"provides": (Left,)}, "both claim the connection Left"),
        ({"buckets": (Bucket(name="data", owner="a"),)}, "both claim the bucket data"),
    ],
)
def test_what_two_parts_claim_is_named_with_both(claim: dict[str, Any], message: str) -> None:
    found = refusal(part("one", **claim), part("two", **claim))
    assert found == f"parts one and two {message}: give one of them another"


def test_two_parts_of_one_name_are_refused() -> None:
    assert refusal(part("one"), part("one")) == (
        "parts one and one both claim the name one: give one of them another"
    )


def test_parts_that_need_each_other_are_refused() -> None:
    first = part("one", needs=(Need(connection=Right),), provides=(Left,))
    second = part("two", needs=(Need(connection=Left),), provides=(Right,))
    assert refusal(first, second) == "parts one and two need each other: one of them must do without"


def test_a_part_in_front_of_what_it_needs_is_refused() -> None:
    assert refusal(part("one", needs=(Need(connection=Left),)), part("two", provides=(Left,))) == (
        "part one needs Left of part two, which comes later: move it in front in infra/parts/__init__.py"
    )


def test_a_need_that_nothing_meets_is_refused() -> None:
    absent = part("two", provides=(Left,), wanted=unwanted)
    assert refusal(absent, part("one", needs=(Need(connection=Left),))) == (
        "part one needs Left, which no part of this stack provides"
    )


def test_the_namespace_of_a_part_that_a_stack_goes_without_stays_reserved() -> None:
    absent = part("queues", namespaces=("kueue",), wanted=unwanted)
    assert refusal(part("teams", own_namespaces=lambda _: ("kueue",)), absent) == (
        "part teams: namespace kueue is reserved for part queues: choose another name"
    )


def test_a_parts_clients_are_the_namespaces_that_need_it_and_the_gateway_of_its_routes() -> None:
    gateway = part("entry", namespaces=("gateway",), provides=(GatewayConnection,))
    store = part("store", namespaces=("store",), provides=(Left,), routes=lambda _: (route("objects"),))
    user = part("user", namespaces=("user",), needs=(Need(connection=Left),))
    split = part("split", namespaces=("controller",), needs=(Need(connection=Left, namespaces=("workers",)),))
    idle = part("idle", namespaces=("idle",), needs=(Need(connection=Left, namespaces=()),))
    made = plan(SETTINGS, (gateway, store, user, split, idle))
    assert made.clients("store") == ("gateway", "user", "workers")
    assert made.clients("user") == ()
    assert made.servers(Left) == ("store",)


def test_a_part_without_namespaces_of_its_own_runs_where_it_says() -> None:
    host = part("host", namespaces=("shared",))
    guest = part("guest", runs_in=("shared",), provides=(Left,))
    assert plan(SETTINGS, (host, guest)).servers(Left) == ("shared",)


def test_the_local_stack_keeps_data_on_volumes_alone() -> None:
    made = plan(stack_file.settings("local"), PARTS)
    assert {each.name for each in made.volumes} == {"metrics", "objects", "pipelines", "tracking"}
    assert not made.databases
    assert not made.managed_buckets
    assert all(isinstance(each, Volume) for each in made.state)


def test_production_keeps_data_in_managed_databases_and_buckets() -> None:
    made = plan(stack_file.settings("prod"), PARTS)
    assert {(each.name, each.engine) for each in made.databases} == {
        ("pipelines", "mariadb"),
        ("tracking", "postgres"),
    }
    assert [each.name for each in made.managed_buckets] == [
        "pipelines",
        "pipelines-research",
        "pipelines-applied",
        "pipelines-serving",
        "mlflow",
        "payloads",
        "access-logs",
    ]
    assert {type(each) for each in made.state} == {ManagedBucket, ManagedDatabase, Volume}
    assert [each.name for each in made.volumes] == ["metrics"]


def test_every_namespace_is_closed_and_those_of_parts_are_made_first() -> None:
    made = plan(stack_file.settings("local"), PARTS)
    assert made.namespaces == (
        "databases", "delivery", "gateway", "identity", "kserve", "kubeflow", "mlflow", "monitoring",
        "object-store", "runs",
    )  # fmt: skip
    assert set(made.closed_namespaces) - set(made.namespaces) == {"cnpg-system", "models"}


@pytest.mark.parametrize("stack", ["local", "dev", "staging", "prod"])
def test_every_namespace_that_a_stack_creates_is_known_to_its_plan(stack: str) -> None:
    created = {each.inputs["metadata"]["name"] for each in platform.stack(stack).of_type("Namespace")}
    assert created == set(plan(stack_file.settings(stack), PARTS).closed_namespaces)


def test_a_stack_has_the_namespaces_of_its_parts_and_no_other() -> None:
    bare = reader.parse(
        {"cluster": {"kind": "kubeconfig", "name": "local"}, "monitoring": {"enabled": False}}
    )
    assert {"databases", "object-store"} <= set(plan(bare, PARTS).namespaces)
    assert not {"monitoring", "kueue", "node-scaling"} & set(plan(bare, PARTS).namespaces)
    on_aws = plan(stack_file.settings("prod"), PARTS).namespaces
    assert {"kueue", "monitoring", "node-scaling"} <= set(on_aws)
    assert not {"databases", "object-store"} & set(on_aws)
