"""Records of a stack's settings and secrets; `reader` reads them."""

from enum import StrEnum
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field
from pydantic.alias_generators import to_camel

from infra.settings.budget import BudgetSettings
from infra.settings.cluster import ClusterSettings, EksSettings
from infra.settings.drift import DriftSettings
from infra.settings.identity import IdentitySettings
from infra.settings.monitoring import MonitoringSettings
from infra.settings.payloads import PayloadSettings
from infra.settings.pipelines import PipelinesSettings
from infra.settings.pools import GpuPoolSettings
from infra.settings.retraining import RetrainingSettings
from infra.settings.rollouts import RolloutSettings
from infra.settings.sections import Cidr, DomainName, Section
from infra.settings.storage import StorageSettings
from infra.settings.teams import TeamSettings
from infra.settings.training import TrainingSettings
from infra.settings.tuning import TuningSettings

PROJECT = "plinth"
# What Pulumi writes beside the configuration: how its secrets are encrypted.
KEY_MATERIAL = ("secretsprovider", "encryptedkey", "encryptionsalt")


class Environment(StrEnum):
    """Purpose of the stack; production refuses settings that could lose data or stop with one zone."""

    DEVELOPMENT = "development"
    STAGING = "staging"
    PRODUCTION = "production"


class ImageSettings(Section):
    """Settings of container images."""

    registry: str = ""
    """Prefix of the images that this repository builds; other images keep their upstream names."""
    mirror: bool = False
    """Whether the registry also has upstream's images, copied by `python -m images mirror`."""


class Tls(StrEnum):
    """Where the gateway's certificate comes from, if it serves TLS itself."""

    LOCAL = "local"
    """Of an authority that the stack makes for this certificate alone."""


class GatewaySettings(Section):
    """Settings of the gateway, through which clients outside the cluster connect."""

    domain: DomainName = "plinth.localhost"
    """Parent domain of all hosts of the platform. Browsers and curl connect to this machine for every name
    below `localhost`, without a line of /etc/hosts."""
    node_port: int | None = Field(default=None, ge=30000, le=32767)
    """Node port of the gateway; by default the cluster provides a load balancer."""
    public: bool = False
    """Whether a cloud load balancer is reachable from outside the stack's network."""
    source_cidrs: tuple[Cidr, ...] = Field(default=(), strict=False)
    """Networks that may connect to a public load balancer."""
    certificate_arn: (
        Annotated[str, Field(pattern=r"^arn:aws:acm:[a-z0-9-]+:\d{12}:certificate/.+$")] | None
    ) = None
    """ACM certificate for `*.<domain>`, with which the load balancer on AWS serves https alone."""
    tls: Annotated[Tls, Field(strict=False)] | None = None
    """Whether the gateway of a cluster that is not on EKS serves https alone, and whose certificate."""
    in_flight: int = Field(default=32, ge=1)
    """Requests that one user may have in flight at one path of a host; eight times as many at models and at
    the object store, and without a login all users together. Further ones get 429."""


class Runtime(StrEnum):
    """Families of packages beyond scikit-learn's, each with an image of the model server."""

    BOOSTING = "boosting"
    ONNX = "onnx"


class ServingSettings(Section):
    """Settings of model serving."""

    runtimes: tuple[Annotated[Runtime, Field(strict=False)], ...] = Field(default=(), strict=False)
    """Families of packages that models may need besides scikit-learn's: boosting has XGBoost and LightGBM."""


class Settings(BaseModel):
    """All settings of a stack."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, validate_by_alias=True)

    cluster: Annotated[ClusterSettings | EksSettings, Field(discriminator="kind")]
    environment: Environment = Environment.DEVELOPMENT
    images: ImageSettings = ImageSettings()
    storage: StorageSettings = StorageSettings()
    pipelines: PipelinesSettings = PipelinesSettings()
    gateway: GatewaySettings = GatewaySettings()
    identity: IdentitySettings = IdentitySettings()
    """A login in front of every host; without it whoever reaches the gateway may use everything."""
    serving: ServingSettings = ServingSettings()
    rollouts: RolloutSettings = RolloutSettings()
    drift: DriftSettings = DriftSettings()
    retraining: RetrainingSettings = RetrainingSettings()
    payloads: PayloadSettings = PayloadSettings()
    tuning: TuningSettings = TuningSettings()
    training: TrainingSettings = TrainingSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    gpu_pools: tuple[GpuPoolSettings, ...] = ()
    teams: tuple[TeamSettings, ...] = ()
    budget: BudgetSettings | None = None
    """Budget alarm of the AWS account; by default nobody is notified of costs."""
    protect: bool = False
    """Whether Pulumi refuses to delete resources that hold data."""

    @property
    def registry(self) -> str:
        """Prefix of the images that this repository builds; by default on AWS the account's ECR registry."""
        if self.images.registry or not isinstance(self.cluster, EksSettings):
            return self.images.registry
        return f"{self.cluster.account}.dkr.ecr.{self.cluster.region}.amazonaws.com/{self.cluster.name}"

    @property
    def excluded_features(self) -> tuple[str, ...]:
        """Features of which predictors record nothing: one list, as they keep and count by the same rows."""
        drift = self.drift.excluded_features if self.drift.enabled else ()
        payloads = self.payloads.excluded_features if self.payloads.enabled else ()
        return tuple(dict.fromkeys((*drift, *payloads)))

    @property
    def mirror(self) -> str:
        """Prefix of upstream's images in the stack's registry; empty if nodes pull them from upstream."""
        return self.registry if self.images.mirror else ""

    @property
    def bucket_prefix(self) -> str:
        """Prefix of bucket names on AWS; the account number makes them globally unique."""
        given = self.storage.s3.bucket_prefix
        if given is not None or not isinstance(self.cluster, EksSettings):
            return given or self.cluster.name
        return f"{self.cluster.name}-{self.cluster.account}"
