"""Families of packages that models need, each with a serving runtime of its own."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

DEFAULT: Final = "sklearn"
"""The family of KServe's own choice, for services that name no runtime."""
# Distribution -> the one in whose place it is installed.
_STANDS_FOR: Final[Mapping[str, str]] = {"mlflow-skinny": "mlflow", "xgboost-cpu": "xgboost"}


@dataclass(frozen=True, kw_only=True)
class RuntimeFamily:
    """Packages that models need, and the image that holds them."""

    name: str
    image: str
    """Empty if the stack does not have this family."""
    packages: Mapping[str, str]
    """Package -> version."""


def described(families: Sequence[RuntimeFamily], runtimes: Mapping[str, str]) -> str:
    """Return what the deploy step chooses from: JSON, the default family first.

    Args:
        families: The families of the platform, also those that the stack does not have.
        runtimes: Family -> name of its runtime.
    """
    ordered = sorted(families, key=lambda each: (each.name != DEFAULT, each.name))
    return json.dumps(
        [
            {"family": each.name, "runtime": runtimes.get(each.name, ""), "packages": _provided(each)}
            for each in ordered
        ]
    )


def _provided(family: RuntimeFamily) -> dict[str, str]:
    aliases = {_STANDS_FOR[name]: version for name, version in family.packages.items() if name in _STANDS_FOR}
    return {**family.packages, **aliases}
