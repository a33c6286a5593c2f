"""The one shape of a server with a single replica: a Deployment's spec of the restricted standard."""

from collections.abc import Mapping, Sequence

import pulumi
from pulumi_kubernetes.apps.v1 import DeploymentSpecArgsDict
from pulumi_kubernetes.core import v1

from components.shapes import pod_security

# The user that images of static programs run as, and that upstream's own images accept.
USER = 65532


def container(
    name: str,
    image: pulumi.Input[str],
    command: Sequence[pulumi.Input[str]],
    *,
    resources: v1.ResourceRequirementsArgsDict,
    env: Sequence[v1.EnvVarArgsDict] = (),
    ports: Mapping[str, int] | None = None,
    mounts: Mapping[str, str] | None = None,
    probe: v1.ProbeArgsDict | None = None,
) -> v1.ContainerArgsDict:
    """Return a container with a writable /tmp and a read-only rest.

    Args:
        name: its name in the pod.
        image: its image.
        command: the program, found on the image's PATH, and its arguments.
        resources: requests and limits.
        env: its environment.
        ports: name -> port.
        mounts: volume -> path, read-only.
        probe: how to ask whether it works; asked every second until it first does.
    """
    spec: v1.ContainerArgsDict = {
        "name": name,
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "command": [command[0]],
        "args": [*command[1:]],
        "env": [*env],
        "ports": [{"name": each, "container_port": port} for each, port in (ports or {}).items()],
        "resources": resources,
        "security_context": pod_security.container_context(),
        "volume_mounts": [
            {"name": "tmp", "mount_path": "/tmp"},
            *(
                {"name": volume, "mount_path": path, "read_only": True}
                for volume, path in (mounts or {}).items()
            ),
        ],
    }
    if probe:
        spec["startup_probe"] = {**probe, "period_seconds": 1, "failure_threshold": 180}
        spec["readiness_probe"] = {**probe, "period_seconds": 5, "failure_threshold": 3}
        spec["liveness_probe"] = {**probe, "period_seconds": 10, "failure_threshold": 6}
    return spec


def pod(
    container: v1.ContainerArgsDict,
    *,
    volumes: Sequence[v1.VolumeArgsDict] = (),
    service_account: pulumi.Input[str] | None = None,
    priority_class: str | None = None,
    grace_seconds: int = 15,
) -> v1.PodSpecArgsDict:
    """Return a pod of one container; the arguments are those of `deployment`."""
    spec: v1.PodSpecArgsDict = {
        "automount_service_account_token": service_account is not None,
        "enable_service_links": False,
        "termination_grace_period_seconds": grace_seconds,
        "security_context": pod_security.pod_context(USER),
        "containers": [container],
        "volumes": [{"name": "tmp", "empty_dir": {"size_limit": "256Mi"}}, *volumes],
    }
    if service_account is not None:
        spec["service_account_name"] = service_account
    if priority_class:
        spec["priority_class_name"] = priority_class
    return spec


def deployment(
    *,
    selector: Mapping[str, str],
    labels: Mapping[str, str],
    container: v1.ContainerArgsDict,
    volumes: Sequence[v1.VolumeArgsDict] = (),
    service_account: pulumi.Input[str] | None = None,
    priority_class: str | None = None,
    grace_seconds: int = 15,
) -> DeploymentSpecArgsDict:
    """Return the spec of a Deployment whose server must never run twice at once.

    Args:
        selector: labels that select its pods, for ever.
        labels: all labels of its pods.
        container: the server.
        volumes: what its mounts name.
        service_account: the account with which it calls the Kubernetes API; none if it does not.
        priority_class: what may push other pods aside.
        grace_seconds: from the wish that the server ends to its kill.
    """
    spec = pod(
        container,
        volumes=volumes,
        service_account=service_account,
        priority_class=priority_class,
        grace_seconds=grace_seconds,
    )
    return {
        "replicas": 1,
        "strategy": {"type": "Recreate"},
        "selector": {"match_labels": selector},
        "template": {"metadata": {"labels": labels}, "spec": spec},
    }
