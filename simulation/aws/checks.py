"""Checks inputs against the published SDK: keys, required inputs, types, enumerations, policies."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from simulation.aws import documented_rules, published_types
from simulation.aws.policies import policy_faults
from simulation.aws.published_types import AnyOf, Field, ListOf, MapOf, Record, Scalar, Shape
from simulation.aws.wire import holds_unknown, is_unknown

# Enumerations that the SDK publishes as hints: AWS adds instance classes between its releases.
_OPEN_ENUMERATIONS = {"InstanceType"}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One wrong input."""

    path: str
    reason: str

    @property
    def input(self) -> str:
        """The top-level input, without the path inside it."""
        return self.path.split(".")[0].split("[")[0]


def find_faults(token: str, inputs: Mapping[str, Any]) -> list[Fault]:
    """Return every fault in the inputs of a resource."""
    published = published_types.resource(token)
    faults = list(_record(published.inputs, inputs, ""))
    faults += [
        Fault(path=path, reason=reason) for path, reason in documented_rules.find_violations(token, inputs)
    ]
    for name, reason in _policies(token, inputs):
        faults.append(Fault(path=name, reason=reason))
    return faults


def find_provider_faults(inputs: Mapping[str, Any]) -> list[Fault]:
    """Return every fault in the provider's settings; the engine adds a version and sends values as text."""
    known = published_types.provider_inputs()
    settings = {name: _decoded(value) for name, value in inputs.items() if name != "version"}
    return list(_record(known, settings, ""))


def _decoded(value: Any) -> Any:
    """Decode a setting of the provider: the engine sends everything except text as JSON."""
    try:
        decoded = json.loads(value)
    except (TypeError, ValueError):
        return value
    return decoded if isinstance(decoded, dict | list | bool) else value


def _record(fields: Mapping[str, Field], given: Mapping[str, Any], path: str) -> Iterator[Fault]:
    for name, field in fields.items():
        if field.required and given.get(name) is None:
            yield Fault(path=_join(path, name), reason="is required and missing")
    for name, value in given.items():
        if name.startswith("__"):
            continue
        if name not in fields:
            known = ", ".join(sorted(fields))
            yield Fault(path=_join(path, name), reason=f"is not an input here; allowed: {known}")
        elif value is not None:
            yield from _value(fields[name].shape, value, _join(path, name))


def _value(shape: Shape, value: Any, path: str) -> Iterator[Fault]:
    if is_unknown(value):
        return
    match shape:
        case Scalar():
            yield from _scalar(shape, value, path)
        case AnyOf(options=options):
            attempts = [list(_value(each, value, path)) for each in options]
            if all(attempts):
                yield attempts[0][0]
        case ListOf(item=item) if isinstance(value, list):
            for index, each in enumerate(cast("list[Any]", value)):
                yield from _value(item, each, f"{path}[{index}]")
        case MapOf(item=item) if isinstance(value, dict):
            for key, each in cast("dict[str, Any]", value).items():
                yield from _value(item, each, f"{path}.{key}")
        case Record() if isinstance(value, dict):
            yield from _record(shape.fields, cast("dict[str, Any]", value), path)
        case _:
            kind = "list" if isinstance(shape, ListOf) else "mapping"
            yield Fault(path=path, reason=f"is {_shown(value)}; it must be a {kind}")


def _scalar(shape: Scalar, value: Any, path: str) -> Iterator[Fault]:
    allowed: Mapping[str, bool] = {
        "string": isinstance(value, str),
        "integer": isinstance(value, int) and not isinstance(value, bool),
        "number": isinstance(value, int | float) and not isinstance(value, bool),
        "boolean": isinstance(value, bool),
        "any": True,
    }
    if not allowed[shape.kind]:
        yield Fault(path=path, reason=f"is {_shown(value)}; it must be of type {shape.kind}")
    elif shape.allowed and shape.enumeration not in _OPEN_ENUMERATIONS and value not in shape.allowed:
        listed = ", ".join(sorted(shape.allowed))
        yield Fault(path=path, reason=f"is {_shown(value)}; the SDK allows: {listed}")


def _policies(token: str, inputs: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    for name, kind in documented_rules.policy_inputs(token).items():
        document = inputs.get(name)
        if document is not None and not holds_unknown(document):
            yield from ((name, reason) for reason in policy_faults(document, kind))


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _shown(value: Any) -> str:
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else f"{text[:77]}..."
