"""Reads the published AWS SDK: inputs of each resource, which of them are required, and outputs."""

import collections.abc
import enum
import functools
import importlib
import inspect
import sys
import types
import typing
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_aws
from pulumi import _types as sdk_types  # pyright: ignore[reportPrivateUsage] (the SDK's only record of its types)

_SCALARS: Mapping[Any, str] = {str: "string", int: "integer", float: "number", bool: "boolean"}
# Reserved words of Python, which the SDK renames.
_MODULES: Mapping[str, str] = {"lambda": "lambda_"}


class UnknownTypeError(Exception):
    """The SDK has no such resource or function."""


@dataclass(frozen=True, kw_only=True)
class Scalar:
    """One value."""

    kind: str
    """string, integer, number, boolean or any."""
    enumeration: str = ""
    """Name of the SDK's enumeration; empty if it has none."""
    allowed: frozenset[str] = frozenset()
    """The enumeration's values."""


@dataclass(frozen=True, kw_only=True)
class ListOf:
    """A list."""

    item: "Shape"


@dataclass(frozen=True, kw_only=True)
class MapOf:
    """A mapping with free keys, such as tags."""

    item: "Shape"


@dataclass(frozen=True, kw_only=True)
class Record:
    """A mapping with published keys."""

    name: str
    build: Callable[[], Mapping[str, "Field"]]
    """Builds the fields on demand, because types refer to themselves."""

    @property
    def fields(self) -> Mapping[str, "Field"]:
        """Fields by their names in the engine's format."""
        return self.build()


@dataclass(frozen=True, kw_only=True)
class AnyOf:
    """A choice of shapes."""

    options: tuple["Shape", ...]


Shape = Scalar | ListOf | MapOf | Record | AnyOf


@dataclass(frozen=True, kw_only=True)
class Field:
    """One input."""

    shape: Shape
    required: bool


@dataclass(frozen=True, kw_only=True)
class ResourceType:
    """One resource of the SDK."""

    token: str
    inputs: Mapping[str, Field]
    outputs: Mapping[str, Shape]


@functools.cache
def resource(token: str) -> ResourceType:
    """Return the SDK's type of a token such as `aws:eks/cluster:Cluster`.

    Raises:
        UnknownTypeError: there is no such resource.
    """
    cls = _class(token)
    module = sys.modules[cls.__module__]
    outputs = sdk_types.resource_types(cls)
    return ResourceType(
        token=token,
        # `InitArgs` if a nested type of another resource has the plain name.
        inputs=_fields(
            getattr(module, f"{cls.__name__}InitArgs", None) or getattr(module, f"{cls.__name__}Args")
        ),
        outputs={name: _output_shape(hint) for name, hint in outputs.items() if name not in ("id", "urn")},
    )


@functools.cache
def provider_inputs() -> Mapping[str, Field]:
    """Return the provider's own settings."""
    return _fields(sys.modules[pulumi_aws.Provider.__module__].ProviderArgs)


def _class(token: str) -> Any:
    package, module, name = token.split(":")
    folder = module.split("/")[0]
    try:
        if package != "aws":
            raise AttributeError
        package_module = importlib.import_module(f"pulumi_aws.{_MODULES.get(folder, folder)}")
        return getattr(package_module, name)
    except (ImportError, AttributeError):
        raise UnknownTypeError(f"{token} is not a resource of pulumi_aws {version()}") from None


def version() -> str:
    """Return the SDK's version."""
    return importlib.import_module("importlib.metadata").version("pulumi-aws")


@functools.cache
def _fields(cls: Any) -> Mapping[str, Field]:
    """Return the fields of an `Args` class of the SDK."""
    # The SDK's alias of a future value names these two as text; they are dropped below.
    local = {"Output": pulumi.Output, "T": type(None)}
    hints = typing.get_type_hints(cls.__init__, globalns=vars(sys.modules[cls.__module__]), localns=local)
    names = sdk_types.input_type_py_to_pulumi_names(cls)
    parameters = inspect.signature(cls.__init__).parameters
    return {
        wire: Field(shape=_shape(hints[name]), required=parameters[name].default is inspect.Parameter.empty)
        for name, wire in names.items()
    }


@functools.cache
def _output_fields(cls: Any) -> Mapping[str, Field]:
    """Return the fields of an output type; none of them is required."""
    hints = sdk_types.output_type_types(cls)
    return {name: Field(shape=_output_shape(hint), required=False) for name, hint in hints.items()}


def _shape(hint: Any) -> Shape:
    """Return the shape of an input's annotation, without the SDK's wrappers for future values."""
    options = [each for each in _members(hint) if each is not type(None)]
    return _choice(options, _fields, _shape)


def _output_shape(hint: Any) -> Shape:
    return _choice([each for each in _members(hint) if each is not type(None)], _output_fields, _output_shape)


def _choice(options: list[Any], fields: Callable[[Any], Mapping[str, Field]], inner: Any) -> Shape:
    enumerations = [each for each in options if isinstance(each, type) and issubclass(each, enum.Enum)]
    if enumerations:
        allowed = frozenset(str(member.value) for each in enumerations for member in each)
        return Scalar(kind="string", enumeration=enumerations[0].__name__, allowed=allowed)
    shapes = tuple(_single(each, fields, inner) for each in options)
    return shapes[0] if len(shapes) == 1 else AnyOf(options=shapes)


def _single(hint: Any, fields: Callable[[Any], Mapping[str, Field]], inner: Any) -> Shape:
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint in _SCALARS:
        return Scalar(kind=_SCALARS[hint])
    if origin in (collections.abc.Sequence, list):
        return ListOf(item=inner(arguments[0]))
    if origin in (collections.abc.Mapping, dict):
        return MapOf(item=inner(arguments[1]))
    if isinstance(hint, type) and (sdk_types.is_input_type(hint) or sdk_types.is_output_type(hint)):
        return Record(name=hint.__name__, build=lambda: fields(hint))
    return Scalar(kind="any")


def _members(hint: Any) -> list[Any]:
    """Return the alternatives of an annotation: unions flattened, futures and outputs left out."""
    origin = typing.get_origin(hint)
    if origin in (typing.Union, types.UnionType):
        return list(dict.fromkeys(inner for each in typing.get_args(hint) for inner in _members(each)))
    if origin in (pulumi.Output, Awaitable, collections.abc.Awaitable):
        return []
    return [hint]
