"""Reads and writes stack files: the settings in `stacks/`, and the engine's copy with its key material."""

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, cast

import yaml

from infra.errors import InfraError
from infra.settings.reader import parse
from infra.settings.stack import KEY_MATERIAL, PROJECT, Settings
from upstream.cache import write_atomically

REPOSITORY = Path(__file__).parents[2]
# A rehearsal runs the program with stack files that it changes, in a folder of its own.
STACKS = Path(os.environ.get("PLINTH_STACKS") or REPOSITORY / "stacks")


def names() -> list[str]:
    """Return the names of all stacks."""
    return sorted(each.name.split(".")[1] for each in STACKS.glob("Pulumi.*.yaml"))


def path(stack: str) -> Path:
    """Return the file with a stack's settings.

    Raises:
        InfraError: there is no such stack.
    """
    file = STACKS / f"Pulumi.{stack}.yaml"
    if not file.is_file():
        raise InfraError(f"--stack {stack}: no stacks/{file.name}; there are: {', '.join(names())}")
    return file


def read(file: Path) -> dict[str, Any]:
    """Return the content of a stack file.

    Raises:
        InfraError: the file is not a YAML mapping.
    """
    try:
        content = yaml.safe_load(file.read_text()) or {}
    except yaml.YAMLError as error:
        reason = " ".join(str(error).split())
        raise InfraError(f"{file}: not YAML: {reason}") from None
    if not isinstance(content, dict) or not isinstance(content.get("config", {}), dict):
        raise InfraError(f"{file}: must be a mapping with the key config")
    return cast("dict[str, Any]", content)


def settings(stack: str) -> Settings:
    """Return the checked settings of a stack."""
    return settings_in(path(stack))


def settings_in(file: Path) -> Settings:
    """Return the checked settings in a stack file, wherever it is."""
    prefix = f"{PROJECT}:"
    config: Mapping[str, object] = read(file).get("config", {})
    return parse(
        {
            key.removeprefix(prefix): value
            for key, value in config.items()
            if key.startswith(prefix) and not _is_encrypted(value)
        }
    )


def merge(settings: Mapping[str, Any], generated: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings together with the encrypted values and key material of the engine's copy."""
    encrypted = {key: value for key, value in generated.get("config", {}).items() if _is_encrypted(value)}
    kept = {key: value for key, value in generated.items() if key != "config"}
    return {**kept, **settings, "config": {**encrypted, **settings.get("config", {})}}


def has_key(content: Mapping[str, Any]) -> bool:
    """Return whether a stack file says how its secrets are encrypted."""
    return any(content.get(key) for key in KEY_MATERIAL)


def without_secrets(content: Mapping[str, Any], keys: Iterable[str] | None = None) -> dict[str, Any]:
    """Return a stack file without encrypted values: those of some keys, or all, and then the key material."""
    chosen = None if keys is None else {f"{PROJECT}:{key}" for key in keys}
    config: Mapping[str, object] = content.get("config", {})
    kept = {
        key: value
        for key, value in config.items()
        if not _is_encrypted(value) or (chosen is not None and key not in chosen)
    }
    dropped = KEY_MATERIAL if keys is None else ()
    return {key: value for key, value in content.items() if key not in dropped} | {"config": kept}


def write(file: Path, content: Mapping[str, Any]) -> None:
    """Write a stack file atomically, if its content changed."""
    text = yaml.safe_dump(dict(content), sort_keys=False)
    if file.is_file() and file.read_text() == text:
        return
    write_atomically(file, text)


def _is_encrypted(value: object) -> bool:
    return isinstance(value, dict) and set(cast("dict[str, object]", value)) == {"secure"}
