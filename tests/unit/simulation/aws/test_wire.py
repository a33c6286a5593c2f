"""Values as the engine sends them to a provider."""

from typing import Any

import pytest

from simulation.aws import wire

# The engine's own format: pulumi/sdk/go/common/resource/plugin/rpc.go.
SIGNATURE = "4dabf18193072939515e22adb298388d"
SECRET = "1b47061264138c4ac30d75fd1eb44270"


def read_back(values: dict[str, Any]) -> dict[str, Any]:
    return wire.plain(wire.struct(values))


def test_plain_data_survives_the_wire() -> None:
    values = {"text": "a", "yes": True, "list": [1, "b", {"c": None}], "half": 0.5}
    assert read_back(values) == values


def test_whole_numbers_come_back_as_integers() -> None:
    found = read_back({"size": 20, "nested": [{"port": 443}]})
    assert isinstance(found["size"], int)
    assert isinstance(found["nested"][0]["port"], int)


def test_secrets_are_opened_wherever_they_are() -> None:
    secret = {SIGNATURE: SECRET, "value": {"password": "p"}}
    assert read_back({"a": secret, "b": [secret]}) == {"a": {"password": "p"}, "b": [{"password": "p"}]}


def test_other_marked_values_keep_their_mark() -> None:
    asset = {SIGNATURE: "c44067f5952c0a294b673a41bacd8c17", "text": "t"}
    assert read_back({"asset": asset}) == {"asset": asset}


@pytest.mark.parametrize(
    "value", [wire.UNKNOWN, f"arn:{wire.UNKNOWN}/x", [1, wire.UNKNOWN], {"a": {"b": [wire.UNKNOWN]}}]
)
def test_an_unknown_is_found_at_any_depth(value: Any) -> None:
    assert wire.holds_unknown(value)


@pytest.mark.parametrize("value", [None, "", "known", 0, [], {"a": ["b"]}])
def test_known_values_hold_no_unknown(value: Any) -> None:
    assert not wire.holds_unknown(value)


def test_only_a_value_that_is_unknown_as_a_whole_is_unknown() -> None:
    assert wire.is_unknown(wire.UNKNOWN)
    assert not wire.is_unknown(f"arn:{wire.UNKNOWN}")
    assert not wire.is_unknown([wire.UNKNOWN])
