"""Converts values between plain data and the engine's format, which marks unknown and secret values."""

from collections.abc import Mapping
from typing import Any, cast

from google.protobuf import json_format, struct_pb2

# The engine's mark of a value that a preview cannot know yet.
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
# The key that marks secrets, assets and references in the engine's format.
_SIGNATURE = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"


def plain(properties: struct_pb2.Struct) -> dict[str, Any]:
    """Return properties as plain data with secrets in clear; the engine marks them as secret again."""
    return cast("dict[str, Any]", opened(json_format.MessageToDict(properties)))


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Return plain data in the engine's format."""
    message = struct_pb2.Struct()
    json_format.ParseDict(dict(values), message)
    return message


def opened(value: Any) -> Any:
    """Return a value with its secrets in clear."""
    if isinstance(value, dict):
        table = cast("dict[str, Any]", value)
        if table.get(_SIGNATURE) == _SECRET:
            return opened(table.get("value"))
        return {key: opened(each) for key, each in table.items()}
    if isinstance(value, list):
        return [opened(each) for each in cast("list[Any]", value)]
    # The engine's format has only floats.
    return int(value) if isinstance(value, float) and value.is_integer() else value


def is_unknown(value: Any) -> bool:
    """Return whether a value is not known yet."""
    return value == UNKNOWN


def holds_unknown(value: Any) -> bool:
    """Return whether a value, or anything inside it, is not known yet."""
    if isinstance(value, dict):
        return any(holds_unknown(each) for each in cast("dict[str, Any]", value).values())
    if isinstance(value, list):
        return any(holds_unknown(each) for each in cast("list[Any]", value))
    return is_unknown(value) or (isinstance(value, str) and UNKNOWN in value)
