"""Settings of teams: what each has for itself, what it may use up, and who belongs to it."""

from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import Field

from infra.settings.identity import Group
from infra.settings.sections import Quantity, Section

_KUBERNETES: Final[Mapping[str, str]] = {
    "cpu": "requests.cpu",
    "memory": "requests.memory",
    "storage": "requests.storage",
    "pods": "pods",
    "models": "count/inferenceservices.serving.kserve.io",
}


class TeamQuota(Section):
    """The most that a team's namespace may use at once; without a value there is no bound."""

    cpu: int | None = Field(default=None, ge=1)
    """CPUs that its pods request."""
    memory: Quantity | None = None
    """Memory that its pods request."""
    storage: Quantity | None = None
    """Size of its volumes."""
    pods: int | None = Field(default=None, ge=1)
    """Pods of runs and models."""
    models: int | None = Field(default=None, ge=0)
    """Inference services."""

    def as_kubernetes(self) -> dict[str, str]:
        """Return the bounds of a ResourceQuota."""
        given = {name: getattr(self, key) for key, name in _KUBERNETES.items()}
        return {name: str(value) for name, value in given.items() if value is not None}


class TeamSettings(Section):
    """A team: a namespace, pipelines and models of its own, and a share of CPUs and GPU pools."""

    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,30}[a-z0-9])?$")]
    pipelines: bool = True
    """Whether it has pipelines, with databases and a bucket, and models; about 350 MiB of memory at rest."""
    quota: TeamQuota | None = None
    """The most that its namespace may use at once; by default there is no bound."""
    members: tuple[Group, ...] = Field(default=(), strict=False)
    """Groups who may use everything of the team."""
    promoters: tuple[Group, ...] = Field(default=(), strict=False)
    """Of the members, the groups who may say which version of a model is `champion`; by default all."""
    viewers: tuple[Group, ...] = Field(default=(), strict=False)
    """Groups who may read it."""
    callers: tuple[Group, ...] = Field(default=(), strict=False)
    """Groups who may call its models, and nothing else."""
    cpu_quota: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """CPUs that are guaranteed to the team's Jobs, which then queue; by default they start at once. A tenth
    of a CPU is 0.1."""
    gpu_quota: dict[str, Annotated[int, Field(ge=0)]] = Field(default_factory=dict)
    """Pool -> GPUs that are guaranteed to the team; devices where GPUs are shared."""
    borrowing: bool = True
    """Whether the team may use CPUs and GPUs that other teams leave idle."""
    borrowing_limit: int | None = Field(default=None, ge=0)
    """The most GPUs of each pool that the team may borrow; by default all that are idle."""
    cpu_borrowing_limit: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None
    """The most CPUs that the team may borrow; by default all that are idle."""
