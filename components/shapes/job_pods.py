"""Jobs that run a program of components/jobs once, in a pod that meets the restricted standard."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pulumi
from pulumi_kubernetes.batch import v1 as batch
from pulumi_kubernetes.core import v1 as core
from pulumi_kubernetes.meta.v1 import ObjectMetaArgsDict

from components.shapes import pod_security
from components.shapes.owner import Owner

_FOLDER = Path(__file__).parents[1] / "jobs"
_MOUNT = "/program"
_AUTHORITIES = "authorities.pem"


@dataclass(frozen=True, kw_only=True)
class JobProgram:
    """A module of components/jobs with the files that it reads and the modules that it imports."""

    module: str
    files: Mapping[str, str]
    imports: tuple[str, ...] = ()
    """Modules of components/jobs that it imports, besides `wait`."""

    def data(self) -> dict[str, str]:
        """Return the ConfigMap's data."""
        sources = {
            f"{name}.py": (_FOLDER / f"{name}.py").read_text()
            for name in (self.module, "wait", *self.imports)
        }
        return {**sources, **self.files}

    def digest(self, *more: str) -> str:
        """Return a short digest of the program and `more`: a change of either makes the Job run again."""
        content = json.dumps([self.data(), *more], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:8]

    def path(self, file: str) -> str:
        """Return the path of one of the program's files in the pod."""
        return f"{_MOUNT}/{file}"

    @property
    def authorities(self) -> str:
        """Path of the certificates that `authorities` put among its files; empty without any."""
        return self.path(_AUTHORITIES) if _AUTHORITIES in self.files else ""


def authorities(certificates: str) -> dict[str, str]:
    """Return the file of certificates, as PEM, by which a program verifies servers; none without any."""
    return {_AUTHORITIES: certificates} if certificates else {}


def spec(
    program: JobProgram,
    *,
    image: pulumi.Input[str],
    config_map: pulumi.Input[str],
    labels: Mapping[str, str],
    env: Sequence[core.EnvVarArgsDict],
    secrets: Mapping[str, tuple[pulumi.Input[str], Sequence[str]]] | None = None,
) -> batch.JobSpecArgsDict:
    """Return the spec of a Job that runs a program once and does not retry it.

    Args:
        program: the program.
        image: an image with everything that the program imports.
        config_map: the ConfigMap that holds the program.
        labels: labels of the pod.
        env: environment of the program; what is secret is in files, which no child process inherits.
        secrets: by folder, a Secret and those of its keys that are mounted there as files.
    """
    mounts: list[core.VolumeMountArgsDict] = []
    volumes: list[core.VolumeArgsDict] = []
    for number, (folder, (secret, keys)) in enumerate((secrets or {}).items()):
        mounts.append({"name": f"secret-{number}", "mount_path": folder, "read_only": True})
        wanted: list[core.KeyToPathArgsDict] = [{"key": key, "path": key} for key in keys]
        volumes.append({"name": f"secret-{number}", "secret": {"secret_name": secret, "items": wanted}})
    items: list[core.KeyToPathArgsDict] = [
        {"key": name, "path": f"components/jobs/{name}" if name.endswith(".py") else name}
        for name in program.data()
    ]
    container: core.ContainerArgsDict = {
        "name": program.module.replace("_", "-"),
        "image": image,
        "image_pull_policy": "IfNotPresent",
        "command": ["python3", "-m", f"components.jobs.{program.module}"],
        # Puts the mounted package on the path without replacing the image's own path.
        "working_dir": _MOUNT,
        "env": [
            {"name": "PYTHONDONTWRITEBYTECODE", "value": "1"},
            {"name": "HOME", "value": "/tmp"},
            *env,
        ],
        "security_context": pod_security.container_context(),
        "resources": pod_security.sizes(cpu="100m", memory="128Mi", memory_limit="768Mi"),
        "volume_mounts": [
            {"name": "program", "mount_path": _MOUNT, "read_only": True},
            {"name": "tmp", "mount_path": "/tmp"},
            *mounts,
        ],
    }
    return {
        "backoff_limit": 0,
        "active_deadline_seconds": 900,
        "template": {
            "metadata": {"labels": labels},
            "spec": {
                "restart_policy": "Never",
                "automount_service_account_token": False,
                "enable_service_links": False,
                "security_context": pod_security.pod_context(),
                "containers": [container],
                "volumes": [
                    {"name": "program", "config_map": {"name": config_map, "items": items}},
                    {"name": "tmp", "empty_dir": {"size_limit": "64Mi"}},
                    *volumes,
                ],
            },
        },
    }


def metadata(owner: Owner, name: pulumi.Input[str]) -> ObjectMetaArgsDict:
    """Return the metadata of a Job, which the next `up` replaces if it has failed.

    Kubernetes does not run a failed Job again, and the engine would wait for it for ever.
    """
    return {**owner.metadata(name), "annotations": {"pulumi.com/replaceUnready": "true"}}


def create_program(owner: Owner, program: JobProgram, *, role: str, name: str) -> core.ConfigMap:
    """Create the ConfigMap that holds a program.

    Args:
        owner: the component.
        program: the program.
        role: suffix of the ConfigMap's Pulumi name.
        name: name of the ConfigMap.
    """
    return core.ConfigMap(
        f"{owner.component}-{role}", metadata=owner.metadata(name), data=program.data(), opts=owner.child()
    )
