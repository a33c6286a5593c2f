"""Certificate authorities in a server's pod, by which it verifies the server that it connects to."""

import hashlib
from dataclasses import dataclass
from typing import Final

import pulumi
import pulumi_kubernetes as kubernetes
from pulumi_kubernetes.core import v1

from components.shapes.owner import Owner
from components.shapes.server_pods import Mount

FOLDER: Final = "/authorities"
FILE: Final = "authorities.pem"
PATH: Final = f"{FOLDER}/{FILE}"
"""Path of the certificates in a container with `Authorities.mounts`."""


@dataclass(frozen=True, kw_only=True)
class Authorities:
    """How a pod gets certificates; all fields are empty if there are none to verify by."""

    config_maps: tuple[pulumi.Resource, ...] = ()
    """Resources to wait for."""
    volumes: tuple[v1.VolumeArgsDict, ...] = ()
    mounts: tuple[Mount, ...] = ()


def deploy(owner: Owner, certificates: str, *, role: str, name: str) -> Authorities:
    """Create the ConfigMap that holds certificates, unless there are none.

    Args:
        owner: the component.
        certificates: the certificates, as PEM.
        role: suffix of the ConfigMap's Pulumi name, and name of the volume.
        name: what the name of the ConfigMap begins with; a digest follows. Programs read certificates once:
            others are another name, and so another pod.
    """
    if not certificates:
        return Authorities()
    digest = hashlib.sha256(certificates.encode()).hexdigest()[:8]
    config_map = kubernetes.core.v1.ConfigMap(
        f"{owner.component}-{role}",
        metadata=owner.metadata(f"{name}-{digest}"),
        data={FILE: certificates},
        opts=owner.child(),
    )
    return Authorities(
        config_maps=(config_map,),
        volumes=({"name": role, "config_map": {"name": config_map.metadata["name"]}},),
        mounts=(Mount(volume=role, path=FOLDER),),
    )
