"""Settings of the cluster: an existing one with a kubeconfig, or an EKS cluster that the stack creates."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from components.versions import CLUSTER_AUTOSCALER, eks_addons
from infra.settings.sections import Cidr, KubernetesName, RoleArn, Section

AddonVersion = Annotated[str, Field(pattern=r"^v\d+\.\d+\.\d+-eksbuild\.\d+$")]


class ClusterSettings(Section):
    """An existing cluster."""

    kind: Literal["kubeconfig"]
    name: KubernetesName
    """Name of the cluster in the state: its provider, and thus its objects, belong to this name."""
    kubeconfig: str | None = None
    """Path of the kubeconfig; by default that of the cluster that `python -m cluster` started."""
    context: str | None = None
    """Context of the kubeconfig; by default the current one."""


class Nat(StrEnum):
    """How private nodes reach the internet."""

    SINGLE = "single"
    PER_ZONE = "perZone"


class Access(StrEnum):
    """Where the Kubernetes API can be reached from."""

    PRIVATE = "private"
    PUBLIC = "public"


class EndpointSettings(Section):
    """Endpoint of the Kubernetes API; nodes always reach it inside the VPC."""

    access: Access = Field(default=Access.PRIVATE, strict=False)
    public_cidrs: tuple[Cidr, ...] = Field(default=(), strict=False)
    """Networks that may call the API from outside the VPC; required with access `public`."""


class NetworkSettings(Section):
    """Settings of the stack's VPC."""

    cidr: Cidr = "10.0.0.0/16"
    peers: tuple[Cidr, ...] = Field(default=(), strict=False)
    """Networks that the VPC is, or may be, connected to; its addresses must not overlap theirs."""
    nat: Nat = Field(default=Nat.SINGLE, strict=False)
    private_endpoints: bool = False
    """Whether the VPC has interface endpoints for AWS services. They keep that traffic off the internet; only
    with much traffic do they cost less than NAT."""


class CapacityType(StrEnum):
    """Purchase option of EC2 instances."""

    ON_DEMAND = "ON_DEMAND"
    SPOT = "SPOT"
    CAPACITY_BLOCK = "CAPACITY_BLOCK"


class SystemPoolSettings(Section):
    """Nodes for the platform itself, without GPUs."""

    instance_types: tuple[str, ...] = Field(default=("m7i.xlarge",), strict=False, min_length=1)
    capacity_type: CapacityType = Field(default=CapacityType.ON_DEMAND, strict=False)
    min: int = Field(default=2, ge=1, le=100)
    max: int = Field(default=4, ge=1, le=100)
    disk_gib: int = Field(default=100, ge=50, le=16384)


# What CloudWatch accepts; any other number of days is refused when the log group is made.
LogDays = Literal[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653
]


class EksSettings(Section):
    """An Amazon EKS cluster in its own VPC."""

    kind: Literal["eks"]
    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
    """Name of the cluster, and prefix of the names of everything that belongs to it."""
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    """AWS account; credentials of any other account are refused."""
    region: Annotated[str, Field(pattern=r"^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d$")]
    availability_zones: tuple[str, ...] = Field(strict=False, min_length=2, max_length=6)
    kubernetes_version: Annotated[str, Field(pattern=r"^1\.\d{2}$")]
    addons: dict[str, AddonVersion] = Field(default_factory=dict)
    """EKS add-on -> version, in place of the one that plinth pins for the Kubernetes version."""
    autoscaler_release: Annotated[str, Field(pattern=r"^v1\.\d{2}\.\d+$")] | None = None
    """Release of the cluster autoscaler, such as `v1.36.1`; by default the one that plinth pins."""
    ami_release: str | None = None
    """Release of the nodes' AMI, such as `1.36.0-20261101`; by default the newest at creation."""
    endpoint: EndpointSettings = EndpointSettings()
    network: NetworkSettings = NetworkSettings()
    system_pool: SystemPoolSettings = SystemPoolSettings()
    administrators: tuple[RoleArn, ...] = Field(default=(), strict=False)
    """IAM roles and users that administer the cluster, including the one that runs `pulumi up`."""
    log_days: LogDays = 30
    """Retention of control plane logs and VPC flow logs, in days."""

    @property
    def addon_versions(self) -> Mapping[str, str]:
        """Add-on -> version of the cluster's EKS add-ons."""
        return eks_addons(self.kubernetes_version, self.addons)

    @property
    def autoscaler_version(self) -> str:
        """Release of the cluster autoscaler."""
        return self.autoscaler_release or CLUSTER_AUTOSCALER[self.kubernetes_version]
