"""What a stack may choose: records, and nothing that reads them."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.settings.cluster import ClusterSettings, EksSettings
from infra.settings.monitoring import MonitoringSettings
from infra.settings.pools import GpuPoolSettings, TeamSettings
from infra.settings.sections import Cidr, DomainName, Section
from infra.settings.storage import StorageSettings

PROJECT = "plinth"


class Environment(StrEnum):
    """What the stack is for; production refuses choices that could lose data or let strangers in."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class ImageSettings(Section):
    """Where images come from."""

    registry: str = ""
    """Prefix of the images that this repository builds; upstream's own keep upstream's names."""


class GatewaySettings(Section):
    """The entry from outside the cluster."""

    domain: DomainName = "plinth.local"
    """Domain below which every host of the platform lies."""
    node_port: int | None = Field(default=None, ge=30000, le=32767)
    """Port of every node that leads to the gateway; without it the cluster gives a load balancer."""
    public: bool = False
    """Whether the load balancer of a cloud has an address outside the stack's network."""
    source_cidrs: tuple[Cidr, ...] = Field(default=(), strict=False)
    """Who may connect to a public load balancer."""
    certificate_arn: (
        Annotated[str, Field(pattern=r"^arn:aws:acm:[a-z0-9-]+:\d{12}:certificate/.+$")] | None
    ) = None
    """Certificate of AWS Certificate Manager for `*.<domain>`; without it the gateway speaks HTTP only."""


class Settings(BaseModel):
    """Every choice that a stack may make."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True)

    cluster: Annotated[ClusterSettings | EksSettings, Field(discriminator="kind")]
    environment: Environment = Environment.DEVELOPMENT
    images: ImageSettings = ImageSettings()
    storage: StorageSettings = StorageSettings()
    gateway: GatewaySettings = GatewaySettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    gpu_pools: tuple[GpuPoolSettings, ...] = ()
    teams: tuple[TeamSettings, ...] = ()
    protect: bool = False
    """Refuse to delete what holds data."""

    @property
    def registry(self) -> str:
        """Prefix of our own images: on AWS the account's own registry, unless another is named."""
        if self.images.registry or not isinstance(self.cluster, EksSettings):
            return self.images.registry
        return f"{self.cluster.account}.dkr.ecr.{self.cluster.region}.amazonaws.com/{self.cluster.name}"

    @property
    def bucket_prefix(self) -> str:
        """First part of buckets' names on AWS, which are global: the account's number makes them ours."""
        given = self.storage.s3.bucket_prefix
        if given is not None or not isinstance(self.cluster, EksSettings):
            return given or self.cluster.name
        return f"{self.cluster.name}-{self.cluster.account}"
