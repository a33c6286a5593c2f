"""What pods are given: environment from Secrets, and claims of storage."""

from collections.abc import Mapping

import pulumi
from pulumi_kubernetes.core import v1


def secret_env(secret: pulumi.Input[str], keys: Mapping[str, str]) -> list[v1.EnvVarArgsDict]:
    """Return environment variables whose values are keys of one Secret: variable -> key."""
    return [
        {"name": variable, "value_from": {"secret_key_ref": {"name": secret, "key": key}}}
        for variable, key in keys.items()
    ]


def plain_env(values: Mapping[str, pulumi.Input[str]]) -> list[v1.EnvVarArgsDict]:
    """Return environment variables with values that anyone may read."""
    return [{"name": variable, "value": value} for variable, value in values.items()]


def claim(size: str, storage_class: str | None) -> v1.PersistentVolumeClaimSpecArgsDict:
    """Return the claim of a volume that one node mounts; the cluster's default class if none is given."""
    spec: v1.PersistentVolumeClaimSpecArgsDict = {
        "access_modes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": size}},
    }
    if storage_class:
        spec["storage_class_name"] = storage_class
    return spec
