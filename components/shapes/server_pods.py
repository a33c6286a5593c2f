"""Builds the pod and the Deployment spec of every server, to the restricted Pod Security Standard."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import pulumi
from pulumi_kubernetes.apps.v1 import Deployment, DeploymentSpecArgsDict, DeploymentStrategyArgsDict
from pulumi_kubernetes.core import v1
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.shapes import pod_security
from components.shapes.labels import READS
from components.shapes.owner import Owner

Annotations = Mapping[str, pulumi.Input[str]]
RECREATE: Final[DeploymentStrategyArgsDict] = {"type": "Recreate"}
"""The old pod ends before the new one starts: two servers never run at once."""


@dataclass(frozen=True, kw_only=True)
class Mount:
    """A volume in a container."""

    volume: str
    path: str
    writable: bool = False


TMP: Final = Mount(volume="tmp", path="/tmp", writable=True)
"""The pod's scratch space."""


def container(  # noqa: PLR0913 - what Kubernetes calls a container has this many fields that differ
    name: str,
    image: pulumi.Input[str],
    command: Sequence[pulumi.Input[str]],
    *,
    resources: v1.ResourceRequirementsArgsDict,
    args: Sequence[pulumi.Input[str]] | None = None,
    env: Sequence[v1.EnvVarArgsDict] = (),
    ports: Mapping[str, int] | None = None,
    mounts: Sequence[Mount] = (TMP,),
    probe: v1.ProbeArgsDict | None = None,
) -> v1.ContainerArgsDict:
    """Return a container whose root file system is read-only.

    Args:
        name: its name in the pod.
        image: its image.
        command: the program, found on the image's PATH, and its arguments.
        resources: requests and limits.
        args: the arguments, if `command` does not hold them; with an empty `command` those of the entrypoint.
        env: environment variables.
        ports: port by name.
        mounts: volumes and their paths.
        probe: health check; until it first succeeds it runs every second, as often as its threshold says.
    """
    spec: v1.ContainerArgsDict = {
        "name": name,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "args": [*(command[1:] if args is None else args)],
        "env": [*env],
        "ports": [{"name": each, "container_port": port} for each, port in (ports or {}).items()],
        "resources": resources,
        "security_context": pod_security.container_context(),
        "volume_mounts": [_mount(each) for each in mounts],
    }
    if command:
        spec["command"] = [command[0]] if args is None else [*command]
    if probe:
        spec["startup_probe"] = {**probe, "period_seconds": 1}
        spec["readiness_probe"] = {**probe, "period_seconds": 5, "failure_threshold": 3}
        spec["liveness_probe"] = {**probe, "period_seconds": 10, "failure_threshold": 6}
    return spec


def _mount(mount: Mount) -> v1.VolumeMountArgsDict:
    spec: v1.VolumeMountArgsDict = {"name": mount.volume, "mount_path": mount.path}
    return spec if mount.writable else {**spec, "read_only": True}


def scratch_volume(size: str) -> v1.VolumeArgsDict:
    """Return the volume that `TMP` mounts; a pod that writes more than `size` is evicted."""
    return {"name": TMP.volume, "empty_dir": {"size_limit": size}}


def pod(
    *containers: v1.ContainerArgsDict,
    volumes: Sequence[v1.VolumeArgsDict] = (),
    scratch: str | None = "256Mi",
    user: int = pod_security.USER,
    service_account: pulumi.Input[str] | None = None,
    priority_class: str | None = None,
    grace_seconds: int | None = 15,
) -> v1.PodSpecArgsDict:
    """Return the spec of a pod.

    Args:
        containers: the server, then its side-cars.
        volumes: the volumes that `Mount`s name, other than /tmp.
        scratch: size limit of /tmp; without it the pod has no /tmp.
        user: numeric user of every container.
        service_account: account whose token calls the Kubernetes API; without it the pod gets no token.
        priority_class: class of pods that may preempt others.
        grace_seconds: seconds between SIGTERM and SIGKILL; Kubernetes' default without it.
    """
    spec: v1.PodSpecArgsDict = {
        "automount_service_account_token": service_account is not None,
        "enable_service_links": False,
        "security_context": pod_security.pod_context(user),
        "containers": [*containers],
        "volumes": [*([scratch_volume(scratch)] if scratch else []), *volumes],
    }
    if grace_seconds is not None:
        spec["termination_grace_period_seconds"] = grace_seconds
    if service_account is not None:
        spec["service_account_name"] = service_account
    if priority_class:
        spec["priority_class_name"] = priority_class
    return spec


def reads_at_start(content: pulumi.Input[object]) -> Annotations:
    """Return the annotation of a pod that reads some content only when it starts."""

    def digest(known: object) -> str:
        return hashlib.sha256(json.dumps(known, sort_keys=True).encode()).hexdigest()[:16]

    return {READS: pulumi.Output.from_input(content).apply(digest)}


def deployment(
    owner: Owner,
    pod: v1.PodSpecArgsDict,
    *,
    strategy: DeploymentStrategyArgsDict = RECREATE,
    annotations: Annotations | None = None,
) -> DeploymentSpecArgsDict:
    """Return the spec of a Deployment with one replica of a pod that carries the owner's labels."""
    annotated: ObjectMetaArgsDict = {"annotations": annotations} if annotations else {}
    return {
        "replicas": 1,
        "strategy": strategy,
        "selector": {"match_labels": owner.selector},
        "template": {"metadata": {"labels": owner.labels, **annotated}, "spec": pod},
    }


def deploy(
    owner: Owner,
    pod: v1.PodSpecArgsDict,
    *,
    role: str,
    name: str,
    after: Sequence[pulumi.Resource],
    annotations: Annotations | None = None,
) -> Deployment:
    """Create the Deployment of a server that must never run twice at once.

    Args:
        owner: the component.
        pod: spec of the server's pod.
        role: suffix of the Deployment's Pulumi name, such as `server`.
        name: name of the Deployment.
        after: resources that must exist before the server starts.
        annotations: of the pod, which starts again when they change.
    """
    return Deployment(
        f"{owner.component}-{role}",
        metadata=owner.metadata(name),
        spec=deployment(owner, pod, annotations=annotations),
        opts=owner.child(after),
    )
