"""The EC2 instance types that a stack may use, as AWS published them on `TABLE_DATE`."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from components.gpus.gpu_pools import Mig, TimeSlicing

TABLE_DATE: Final = "2026-11-21"
# Devices per GPU by MIG profile, by GPU model.
_MIG_PROFILES: Mapping[str, Mapping[str, int]] = {
    "NVIDIA-A100-40GB": {"1g.5gb": 7, "2g.10gb": 3, "3g.20gb": 2, "4g.20gb": 1, "7g.40gb": 1},
    "NVIDIA-A100-80GB": {"1g.10gb": 7, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1},
    "NVIDIA-H100-80GB": {"1g.10gb": 7, "2g.20gb": 3, "3g.40gb": 2, "4g.40gb": 1, "7g.80gb": 1},
    "NVIDIA-H200-141GB": {"1g.18gb": 7, "2g.35gb": 3, "3g.71gb": 2, "4g.71gb": 1, "7g.141gb": 1},
    "NVIDIA-B200-180GB": {"1g.23gb": 7, "2g.45gb": 3, "3g.90gb": 2, "4g.90gb": 1, "7g.180gb": 1},
}


@dataclass(frozen=True, kw_only=True)
class InstanceType:
    """One instance type."""

    name: str
    vcpus: int
    memory_gib: int
    gpus: int = 0
    model: str = ""
    """The GPU's model and memory; empty without a GPU."""
    efa_interfaces: int = 0
    """Number of Elastic Fabric Adapters that can be attached, one per network card."""

    @property
    def efa(self) -> bool:
        """Whether an Elastic Fabric Adapter can be attached."""
        return self.efa_interfaces > 0

    @property
    def mig_profiles(self) -> Mapping[str, int]:
        """Devices per GPU by MIG profile; empty if the GPU does not support MIG."""
        return _MIG_PROFILES.get(self.model, {})

    @property
    def mig_capable(self) -> bool:
        """Whether the GPU supports MIG."""
        return bool(self.mig_profiles)


def _family(
    family: str, model: str, sizes: Mapping[str, tuple[int, int, int]], efa: Mapping[str, int] | None = None
) -> list[InstanceType]:
    return [
        InstanceType(
            name=f"{family}.{size}",
            vcpus=vcpus,
            memory_gib=memory,
            gpus=gpus,
            model=model if gpus else "",
            efa_interfaces=(efa or {}).get(size, 0),
        )
        for size, (vcpus, memory, gpus) in sizes.items()
    ]


_G_SIZES: Mapping[str, tuple[int, int, int]] = {
    "xlarge": (4, 16, 1),
    "2xlarge": (8, 32, 1),
    "4xlarge": (16, 64, 1),
    "8xlarge": (32, 128, 1),
    "12xlarge": (48, 192, 4),
    "16xlarge": (64, 256, 1),
    "24xlarge": (96, 384, 4),
    "48xlarge": (192, 768, 8),
}
_G6E_SIZES: Mapping[str, tuple[int, int, int]] = {
    size: (vcpus, memory * 2, gpus) for size, (vcpus, memory, gpus) in _G_SIZES.items()
}
_G4DN_SIZES: Mapping[str, tuple[int, int, int]] = {
    size: _G_SIZES[size] for size in ("xlarge", "2xlarge", "4xlarge", "8xlarge", "12xlarge", "16xlarge")
}
_G_EFA: Mapping[str, int] = {size: 1 for size in ("8xlarge", "12xlarge", "16xlarge", "24xlarge", "48xlarge")}
_GENERAL: Mapping[str, tuple[int, int, int]] = {
    "large": (2, 8, 0),
    "xlarge": (4, 16, 0),
    "2xlarge": (8, 32, 0),
    "4xlarge": (16, 64, 0),
    "8xlarge": (32, 128, 0),
}
_COMPUTE: Mapping[str, tuple[int, int, int]] = {
    size: (vcpus, memory // 2, 0) for size, (vcpus, memory, _) in _GENERAL.items()
}
_MEMORY: Mapping[str, tuple[int, int, int]] = {
    size: (vcpus, memory * 2, 0) for size, (vcpus, memory, _) in _GENERAL.items()
}
_SMALL: Mapping[str, tuple[int, int, int]] = {size: _GENERAL[size] for size in ("large", "xlarge", "2xlarge")}

_TYPES: Mapping[str, InstanceType] = {
    each.name: each
    for each in (
        *_family("g4dn", "NVIDIA-T4-16GB", _G4DN_SIZES, _G_EFA),
        *_family("g5", "NVIDIA-A10G-24GB", _G_SIZES, _G_EFA),
        *_family("g6", "NVIDIA-L4-24GB", _G_SIZES, _G_EFA),
        *_family("g6e", "NVIDIA-L40S-48GB", _G6E_SIZES, _G_EFA),
        *_family("p4d", "NVIDIA-A100-40GB", {"24xlarge": (96, 1152, 8)}, {"24xlarge": 4}),
        *_family("p4de", "NVIDIA-A100-80GB", {"24xlarge": (96, 1152, 8)}, {"24xlarge": 4}),
        *_family(
            "p5",
            "NVIDIA-H100-80GB",
            {"4xlarge": (16, 256, 1), "48xlarge": (192, 2048, 8)},
            {"4xlarge": 1, "48xlarge": 32},
        ),
        *_family("p5e", "NVIDIA-H200-141GB", {"48xlarge": (192, 2048, 8)}, {"48xlarge": 32}),
        *_family("p5en", "NVIDIA-H200-141GB", {"48xlarge": (192, 2048, 8)}, {"48xlarge": 16}),
        *_family("p6-b200", "NVIDIA-B200-180GB", {"48xlarge": (192, 2048, 8)}, {"48xlarge": 8}),
        *_family("m6i", "", _GENERAL),
        *_family("m7i", "", _GENERAL),
        *_family("m7i-flex", "", _GENERAL),
        *_family("c7i", "", _COMPUTE),
        *_family("r7i", "", _MEMORY),
        *_family("t3", "", _SMALL),
    )
}


def names() -> list[str]:
    """Return every instance type of the table."""
    return sorted(_TYPES)


def find(name: str) -> InstanceType | None:
    """Return an instance type of the table, or None."""
    return _TYPES.get(name)


def known(name: str) -> InstanceType:
    """Return an instance type that the rules of the settings have accepted.

    Raises:
        ValueError: the table does not have it.
    """
    instance_type = _TYPES.get(name)
    if instance_type is None:
        raise ValueError(unknown(name))
    return instance_type


def devices_per_node(types: Sequence[InstanceType], sharing: Mig | TimeSlicing | None) -> int:
    """Return how many `nvidia.com/gpu` a node offers; of types that differ, the fewest.

    Raises:
        ValueError: a type has no GPU, or its GPU does not have the MIG profile.
    """
    return min(_devices(each, sharing) for each in types)


def _devices(kind: InstanceType, sharing: Mig | TimeSlicing | None) -> int:
    if not kind.gpus:
        raise ValueError(f"{kind.name} has no GPU")
    match sharing:
        case Mig(profile=profile):
            if profile not in kind.mig_profiles:
                have = ", ".join(kind.mig_profiles) or "no MIG"
                raise ValueError(f"profile {profile}; {kind.model} of {kind.name} has {have}")
            return kind.gpus * kind.mig_profiles[profile]
        case TimeSlicing(replicas=replicas):
            return kind.gpus * replicas
        case None:
            return kind.gpus


def unknown(name: str) -> str:
    """Return the error for a name that the table does not have, with its date and similar names."""
    family = name.partition(".")[0]
    siblings = [each for each in names() if each.startswith(f"{family}.")]
    close = difflib.get_close_matches(name, siblings or names(), n=3, cutoff=0.4) or siblings or names()[:3]
    return f"{name!r}, which is no instance type known on {TABLE_DATE}; did you mean {' or '.join(close)}"
