"""Environment variables and volume claims of pods."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core import v1

from components.shapes.owner import Owner


def secret_env(secret: pulumi.Input[str], keys: Mapping[str, str]) -> list[v1.EnvVarArgsDict]:
    """Return environment variables that read keys of one Secret; `keys` maps variable to key."""
    return [
        {"name": variable, "value_from": {"secret_key_ref": {"name": secret, "key": key}}}
        for variable, key in keys.items()
    ]


def plain_env(values: Mapping[str, pulumi.Input[str]]) -> list[v1.EnvVarArgsDict]:
    """Return environment variables with values that are not secret."""
    return [{"name": variable, "value": value} for variable, value in values.items()]


def memory_limit_env(variable: str, container: str) -> v1.EnvVarArgsDict:
    """Return an environment variable with the memory limit of a container, in bytes."""
    reference: v1.ResourceFieldSelectorArgsDict = {"container_name": container, "resource": "limits.memory"}
    return {"name": variable, "value_from": {"resource_field_ref": reference}}


def create_claim(owner: Owner, name: str, size: str) -> v1.PersistentVolumeClaim:
    """Create the claim of a volume of the cluster's default storage class, for one node at a time."""
    metadata = owner.metadata(name)
    # A class that waits for the first consumer binds only when the pod that mounts the claim exists.
    metadata["annotations"] = {"pulumi.com/skipAwait": "true"}
    return v1.PersistentVolumeClaim(
        f"{owner.component}-volume",
        metadata=metadata,
        spec={"access_modes": ["ReadWriteOnce"], "resources": {"requests": {"storage": size}}},
        opts=owner.child(),
    )


def claim_volume(volume: str, claim: v1.PersistentVolumeClaim) -> v1.VolumeArgsDict:
    """Return the volume of a claim."""
    return {"name": volume, "persistent_volume_claim": {"claim_name": claim.metadata["name"]}}
