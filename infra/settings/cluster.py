"""Settings of the cluster: any that a kubeconfig reaches, or one of EKS that the stack makes."""

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field

from infra.settings.sections import Cidr, KubernetesName, RoleArn, Section


class ClusterSettings(Section):
    """A cluster that exists."""

    kind: Literal["kubeconfig"]
    name: KubernetesName
    """What the cluster is called; keeps its objects apart from another cluster's in the state."""
    kubeconfig: str | None = None
    """Path of a kubeconfig; without it the cluster that `python -m cluster` started."""
    context: str | None = None
    """A context of the kubeconfig; without it the current one."""


class Nat(StrEnum):
    """How private nodes reach the internet."""

    SINGLE = "single"
    PER_ZONE = "perZone"


class Access(StrEnum):
    """From where the Kubernetes API can be reached."""

    PRIVATE = "private"
    PUBLIC = "public"


class EndpointSettings(Section):
    """The address of the Kubernetes API; nodes always reach it inside the network."""

    access: Access = Field(default=Access.PRIVATE, strict=False)
    public_cidrs: tuple[Cidr, ...] = Field(default=(), strict=False)
    """Who may call it from outside, with access `public`."""


class NetworkSettings(Section):
    """The stack's own VPC."""

    cidr: Cidr = "10.0.0.0/16"
    nat: Nat = Field(default=Nat.SINGLE, strict=False)
    private_endpoints: bool = False
    """Whether services of AWS have addresses in the network; they cost less than their traffic through NAT
    only where there is much of it, and keep it off the internet."""


class CapacityType(StrEnum):
    """How instances are bought."""

    ON_DEMAND = "ON_DEMAND"
    SPOT = "SPOT"
    CAPACITY_BLOCK = "CAPACITY_BLOCK"


class SystemPoolSettings(Section):
    """Nodes of the platform itself; they have no GPU."""

    instance_types: tuple[str, ...] = Field(default=("m7i.xlarge",), strict=False, min_length=1)
    capacity_type: CapacityType = Field(default=CapacityType.ON_DEMAND, strict=False)
    min: int = Field(default=2, ge=1, le=100)
    max: int = Field(default=4, ge=1, le=100)
    disk_gib: int = Field(default=100, ge=50, le=16384)


class EksSettings(Section):
    """A cluster of Amazon EKS in a VPC of its own."""

    kind: Literal["eks"]
    name: Annotated[str, Field(pattern=r"^[a-z]([-a-z0-9]{0,61}[a-z0-9])?$")]
    """Name of the cluster, and first part of the name of all that belongs to it."""
    account: Annotated[str, Field(pattern=r"^\d{12}$")]
    """The AWS account; credentials of any other are refused."""
    region: Annotated[str, Field(pattern=r"^(af|ap|ca|eu|il|me|mx|sa|us)-[a-z]+-\d$")]
    availability_zones: tuple[str, ...] = Field(strict=False, min_length=2, max_length=6)
    kubernetes_version: Annotated[str, Field(pattern=r"^1\.\d{2}$")]
    ami_release: str | None = None
    """Release of the nodes' AMI, such as `1.36.0-20261101`; without it the newest when nodes are made."""
    endpoint: EndpointSettings = EndpointSettings()
    network: NetworkSettings = NetworkSettings()
    system_pool: SystemPoolSettings = SystemPoolSettings()
    administrators: tuple[RoleArn, ...] = Field(default=(), strict=False)
    """IAM roles or users that may do everything in the cluster: people's, and who runs `pulumi up`."""
    log_days: int = Field(default=30, ge=1, le=3653)
    """How long logs of the control plane and of the network are kept."""
