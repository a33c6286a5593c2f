"""Profiles: a kind of user, a shape of load and its service levels; one strictly parsed YAML file each."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, Final, cast

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from pydantic.alias_generators import to_camel

from loadtests.errors import LoadtestError
from loadtests.shapes import Ramp, Shape
from loadtests.slo import Slo

FOLDER: Final = Path(__file__).parent / "profiles"


class UserKind(StrEnum):
    """Kinds of users."""

    INFERENCE = "inference"
    TRACKING = "tracking"
    REGISTRY = "registry"
    PIPELINES = "pipelines"


OPERATIONS: Final[dict[UserKind, tuple[str, ...]]] = {
    UserKind.INFERENCE: ("v1x1", "v1x32", "v2x1", "v2x32"),
    UserKind.TRACKING: ("log-run", "log-artifact", "search"),
    UserKind.REGISTRY: ("load-by-alias",),
    UserKind.PIPELINES: ("submit-and-poll",),
}
"""Operations of each kind of user; those of inference are protocol x rows per request."""


class Profile(BaseModel):
    """A load and its service levels."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)

    name: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,40}$")]
    """Name of its file, without the suffix."""
    description: Annotated[str, Field(min_length=1, max_length=200)]
    user: UserKind
    mix: dict[str, Annotated[int, Field(ge=0, le=1000)]] = {}
    """Weights of the operations; equal if none is given."""
    shape: Shape
    poisson: bool = False
    """Whether due times are a Poisson process, as from independent clients; otherwise gaps are equal."""
    users: Annotated[int, Field(ge=1, le=256)] = 32
    """Maximum of operations in flight; others wait when they are due, and their latency counts."""
    warm_up_seconds: Annotated[float, Field(ge=0, le=120)] = 2
    """Time at the first rate before the shape starts; only correctness is judged."""
    timeout_seconds: Annotated[float, Field(gt=0, le=300)] = 10
    """Timeout of one request."""
    drain_seconds: Annotated[float, Field(ge=0, le=600)] = 10
    """Time that operations in flight get after the shape ends; after it they count as failed."""
    slo: Slo

    @model_validator(mode="after")
    def _fits(self) -> "Profile":
        """Reject operations that the user does not have, and service levels that the shape cannot measure."""
        known = OPERATIONS[self.user]
        unknown = [name for name in self.mix if name not in known]
        if unknown:
            raise ValueError(
                f"mix: {unknown[0]!r} is not an operation of {self.user}; give {', '.join(known)}"
            )
        if self.mix and not any(self.mix.values()):
            raise ValueError("mix: every weight is 0; give one operation a positive weight")
        if self.slo.saturation_per_second is not None and not isinstance(self.shape, Ramp):
            raise ValueError("slo.saturationPerSecond: only a ramp measures it; leave it out")
        return self

    @property
    def weights(self) -> dict[str, int]:
        """Operations with a positive weight."""
        chosen = self.mix or dict.fromkeys(OPERATIONS[self.user], 1)
        return {name: weight for name, weight in chosen.items() if weight}

    def with_rate(self, rate: float) -> "Profile":
        """Return the same profile at another rate.

        Raises:
            LoadtestError: the rate is invalid.
        """
        document = self.model_dump()
        document["shape"]["rate"] = rate
        return _validated(f"profile {self.name} at {rate:g}/s", document)


def names() -> list[str]:
    """Return the names of all profiles."""
    return sorted(path.stem for path in FOLDER.glob("*.yaml"))


def load(name: str) -> Profile:
    """Read a profile: a shipped one by name, or a YAML file by path.

    Raises:
        LoadtestError: it does not exist or is invalid.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else FOLDER / f"{name}.yaml"
    if not path.is_file():
        raise LoadtestError(
            f"profile {name}: unknown; give one of {', '.join(names())}, or the path of a YAML file"
        )
    try:
        document: object = yaml.safe_load(path.read_text())
    except yaml.YAMLError as error:
        line = str(error).replace("\n", " ")
        raise LoadtestError(f"profile {name}: not YAML: {line}") from None
    if not isinstance(document, dict):
        raise LoadtestError(f"profile {name}: has no keys; see loadtests/profiles")
    if "name" in document:
        raise LoadtestError(f"profile {name}: name: the file name is the name; delete it")
    return _validated(f"profile {name}", {**cast("dict[str, Any]", document), "name": path.stem})


def _validated(what: str, document: dict[str, Any]) -> Profile:
    try:
        return Profile.model_validate(document)
    except ValidationError as error:
        raise LoadtestError(f"{what}: {'; '.join(_lines(error))}") from None


def _lines(error: ValidationError) -> list[str]:
    """Return each error as `path: what is wrong`."""
    lines: list[str] = []
    for each in error.errors():
        # Pydantic's path includes the discriminator of a union, which the file's does not.
        path = ".".join(str(part) for part in each["loc"] if part not in ("steady", "ramp", "spike", "soak"))
        match each["type"]:
            case "extra_forbidden":
                message = "unknown key; correct or delete it"
            case "missing":
                message = "missing; give it a value"
            case "value_error":
                message = each["msg"].removeprefix("Value error, ")
            case _:
                message = f"{each['msg']}, not {each['input']!r}"
        lines.append(f"{path}: {message}" if path else message)
    return lines
