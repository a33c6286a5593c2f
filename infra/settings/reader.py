"""Reads the settings of a stack: the only reader of configuration."""

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any, cast, get_args

import pulumi
from pydantic import BaseModel, ValidationError

from infra.errors import SettingsError
from infra.settings import rules
from infra.settings.stack import KEY_MATERIAL, PROJECT, Settings


def parse(values: Mapping[str, object]) -> Settings:
    """Return the settings from a stack's values, whose keys have no project prefix.

    Raises:
        SettingsError: an unknown key, an invalid value, or values that contradict each other; the message
            lists all of them.
    """
    _refuse_placeholders(values, PROJECT)
    try:
        settings = Settings.model_validate(dict(values))
    except ValidationError as error:
        raise SettingsError("; ".join(_explain(each) for each in error.errors())) from None
    problems = rules.problems(settings)
    if problems:
        raise SettingsError("; ".join(f"{PROJECT}:{problem}" for problem in problems))
    return settings


def load() -> Settings:
    """Read the settings of the stack that the engine deploys; encrypted values are never settings."""
    prefix = f"{PROJECT}:"
    given = cast("dict[str, str]", pulumi.runtime.get_config_env())
    secret = set(pulumi.runtime.get_config_secret_keys_env())
    return parse(
        {
            key.removeprefix(prefix): _decode(text)
            for key, text in given.items()
            if key.startswith(prefix) and key not in secret
        }
    )


def secrets(keys: Iterable[str]) -> dict[str, pulumi.Output[str]]:
    """Read the secrets that the configuration of the stack gives; others are generated.

    Args:
        keys: configuration keys without the project's prefix.
    """
    config = pulumi.Config(PROJECT)  # noqa: TID251 (the one reader)
    read = {key: config.get_secret(key) for key in keys}
    return {key: value for key, value in read.items() if value is not None}


def schema(secret_keys: Iterable[str]) -> dict[str, Any]:
    """Return the JSON schema of a stack file, in which secrets may occur encrypted."""
    inner = Settings.model_json_schema(by_alias=True, ref_template="#/$defs/{model}")
    definitions = inner.pop("$defs", {})
    properties = {f"{PROJECT}:{key}": value for key, value in inner["properties"].items()}
    secret = {"type": "object", "properties": {"secure": {"type": "string"}}, "required": ["secure"]}
    properties.update({f"{PROJECT}:{key}": secret for key in secret_keys})
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "A stack of plinth",
        "type": "object",
        "properties": {
            # Written by `pulumi stack init`.
            **{key: {"type": "string"} for key in KEY_MATERIAL},
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
    """Return the value of a configuration text: the engine passes objects as JSON and scalars unquoted."""
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
    """Return one clause of an error: the dotted path, the value given, and what is allowed."""
    parts, models = _resolve(error["loc"])
    path = f"{PROJECT}:{'.'.join(parts)}"
    context: dict[str, str] = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden":
            allowed = sorted({str(field.alias) for each in models for field in each.model_fields.values()})
            return f"{path} is not a setting; allowed here: {', '.join(allowed)}"
        case "missing":
            return f"{path} is missing; set it in the stack file"
        case "union_tag_not_found":
            return f"{path}.kind is missing; set it in the stack file"
        case "union_tag_invalid":
            allowed = context["expected_tags"].replace(", ", " or ")
            return f"{path}.kind is {json.dumps(context['tag'])}; it must be {allowed}"
        case _:
            message = re.sub(r"^(Input|String|Value|Tuple|Dictionary) should", "must", error["msg"])
            return f"{path} is {json.dumps(error['input'], default=str)}; it {message}"


def _resolve(location: tuple[str | int, ...]) -> tuple[list[str], list[type[BaseModel]]]:
    """Return pydantic's location as the path in the stack file, and the models that own its last part."""
    path: list[str] = []
    models: list[type[BaseModel]] = [Settings]
    owners = models
    for part in location:
        kind = next((each for each in models if len(models) > 1 and part in _kinds(each)), None)
        if kind:
            # pydantic adds the tag of a union, which is not in the stack file.
            models = [kind]
            continue
        path.append(str(part))
        owners = models
        if isinstance(part, str):
            # pydantic names the field, the stack file its alias.
            fields_ = [each.model_fields.items() for each in models]
            matches = [field for items in fields_ for name, field in items if part in (name, field.alias)]
            models = [model for field in matches for model in _models(field.annotation)]
    return path, owners


def _kinds(model: type[BaseModel]) -> tuple[str, ...]:
    field = model.model_fields.get("kind")
    return get_args(field.annotation) if field else ()


def _models(annotation: object) -> list[type[BaseModel]]:
    """Return every section that an annotation contains."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for each in get_args(annotation) for model in _models(each)]
