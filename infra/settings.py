"""The platform's settings: the only reader of configuration."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from enum import StrEnum
from typing import Annotated, Any, Literal, cast

import pulumi
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from infra.errors import SettingsError

PROJECT = "plinth"

Quantity = Annotated[str, Field(pattern=r"^[1-9][0-9]*(Mi|Gi|Ti)$")]
DomainName = Annotated[
    str, Field(pattern=r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)+$")
]
KubernetesName = Annotated[str, Field(pattern=r"^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$")]


class _Section(BaseModel):
    model_config = ConfigDict(
        frozen=True, extra="forbid", strict=True, alias_generator=to_camel, validate_by_alias=True
    )


class ClusterSettings(_Section):
    """The cluster that the platform is installed on."""

    kind: Literal["kubeconfig"]
    name: KubernetesName
    """What the cluster is called; keeps its objects apart from another cluster's in the state."""
    kubeconfig: str | None = None
    """Path of a kubeconfig; without it the cluster that `python -m cluster` started."""
    context: str | None = None
    """A context of the kubeconfig; without it the current one."""


class ImageSettings(_Section):
    """Where images come from."""

    registry: str = ""
    """Prefix of the images that this repository builds; upstream's own keep upstream's names."""


class Location(StrEnum):
    """Where a store runs."""

    INCLUSTER = "incluster"


class StorageSettings(_Section):
    """Databases and objects."""

    postgres: Location = Field(default=Location.INCLUSTER, strict=False)
    postgres_size: Quantity = "2Gi"
    pipelines_database: Location = Field(default=Location.INCLUSTER, strict=False)
    pipelines_database_size: Quantity = "2Gi"
    objects: Location = Field(default=Location.INCLUSTER, strict=False)
    objects_size: Quantity = "10Gi"


class GatewaySettings(_Section):
    """The entry from outside the cluster."""

    domain: DomainName = "plinth.local"
    """Domain below which every host of the platform lies."""
    node_port: int | None = Field(default=None, ge=30000, le=32767)
    """Port of every node that leads to the gateway; without it the cluster gives a load balancer."""


class Settings(BaseModel):
    """Every choice that a stack may make."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True)

    cluster: ClusterSettings
    images: ImageSettings = ImageSettings()
    storage: StorageSettings = StorageSettings()
    gateway: GatewaySettings = GatewaySettings()
    protect: bool = False
    """Refuse to delete what holds data."""


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """Values that are generated once per stack and only ever travel encrypted."""

    pipelines_database_password: pulumi.Output[str]
    metadata_database_password: pulumi.Output[str]
    tracking_database_password: pulumi.Output[str]
    object_store_administrator_key: pulumi.Output[str]
    pipelines_object_store_key: pulumi.Output[str]
    tracking_object_store_key: pulumi.Output[str]
    serving_object_store_key: pulumi.Output[str]
    webhook_authority: pulumi.Output[str]
    webhook_certificate: pulumi.Output[str]
    webhook_key: pulumi.Output[str]


def secret_keys() -> list[str]:
    """Return the configuration keys of all secrets."""
    return [to_camel(field.name) for field in fields(Secrets)]


def parse(values: Mapping[str, object]) -> Settings:
    """Check the values of a stack, by key without the project's prefix.

    Raises:
        SettingsError: an unknown key or a value that is not allowed; the text names every one.
    """
    _refuse_placeholders(values, PROJECT)
    try:
        return Settings.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(each) for each in error.errors())) from None


def load() -> tuple[Settings, Secrets]:
    """Read the settings and secrets of the stack that the engine deploys."""
    prefix = f"{PROJECT}:"
    secrets = set(secret_keys())
    given = cast("dict[str, str]", pulumi.runtime.get_config_env())
    values = {key.removeprefix(prefix): text for key, text in given.items() if key.startswith(prefix)}
    settings = parse({key: _decode(text) for key, text in values.items() if key not in secrets})
    config = pulumi.Config(PROJECT)  # noqa: TID251 (the one reader)
    found = {field.name: config.require_secret(to_camel(field.name)) for field in fields(Secrets)}
    return settings, Secrets(**found)


def schema() -> dict[str, Any]:
    """Return the JSON schema of a stack file."""
    inner = Settings.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = inner.pop("$defs", {})
    properties = {f"{PROJECT}:{key}": value for key, value in inner["properties"].items()}
    secret = {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]}
    properties.update({f"{PROJECT}:{key}": secret for key in secret_keys()})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack of plinth",
        "type": "object",
        "properties": {
            "encryptionsalt": {"type": "string"},
            "config": {
                "type": "object",
                "properties": properties,
                "required": [f"{PROJECT}:{key}" for key in inner["required"]],
                "additionalProperties": False,
            },
        },
        "required": ["config"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _decode(text: str) -> object:
    """Return what the engine's text stands for: it hands over objects as JSON and scalars as they are."""
    try:
        return json.loads(text)
    except ValueError:
        return text


def _refuse_placeholders(value: object, path: str) -> None:
    if isinstance(value, Mapping):
        table = cast("Mapping[str, object]", value)
        for key, each in table.items():
            _refuse_placeholders(each, f"{path}.{key}" if ":" in path else f"{path}:{key}")
    elif value == "CHANGEME":
        raise SettingsError(f"{path} is still CHANGEME: set the value of this stack")


def _explain(error: Any) -> str:
    """Return one clause of an error: dotted path, what was given, what is allowed."""
    location: tuple[str | int, ...] = error["loc"]
    # pydantic names the field, people write the alias; a union adds its tag.
    path = f"{PROJECT}:" + ".".join(str(part) for part in location)
    if error["type"] == "extra_forbidden":
        allowed = ", ".join(_allowed_keys(location[:-1]))
        return f"{path} is not a setting; allowed here: {allowed}"
    if error["type"] == "missing":
        return f"{path} is missing; set it in the stack file"
    message = re.sub(r"^(Input|String|Value) should", "must", error["msg"])
    given = json.dumps(error["input"], default=str)
    return f"{path} is {given}; it {message}"


def _allowed_keys(location: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] = Settings
    for part in location:
        for name, field in model.model_fields.items():
            annotation = field.annotation
            if (
                part in (name, field.alias)
                and isinstance(annotation, type)
                and issubclass(annotation, BaseModel)
            ):
                model = annotation
    return sorted(str(field.alias or name) for name, field in model.model_fields.items())
