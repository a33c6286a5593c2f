"""Versions, read from where they are pinned: `upstream/*/go.mod` and `uv.lock`.

`python -m components.versions NAME` prints one, for shell scripts.
"""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from upstream import python_lock, recipe
from upstream.cache import UpstreamError

REPOSITORY = Path(__file__).parent.parent
# Major versions on Amazon RDS; images/postgres and images/mariadb have the same.
RDS_POSTGRES: Final[str] = "17"
RDS_MARIADB: Final[str] = "10.11"

# EKS add-ons: no module or package pins them, so nothing raises them but a person. AWS lists the versions for
# each Kubernetes version: `aws eks describe-addon-versions --kubernetes-version 1.36`.
EKS_ADDONS: Final[Mapping[str, Mapping[str, str]]] = {
    "1.36": {
        "vpc-cni": "v1.22.4-eksbuild.3",
        "kube-proxy": "v1.36.0-eksbuild.21",
        "coredns": "v1.14.3-eksbuild.16",
        "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
        "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
        "eks-node-monitoring-agent": "v1.7.2-eksbuild.1",
    },
}
EKS_ADDON_NAMES: Final = frozenset(name for pinned in EKS_ADDONS.values() for name in pinned)
# Kubernetes version -> tag of upstream's image.
CLUSTER_AUTOSCALER: Final[Mapping[str, str]] = {
    "1.36": "v1.36.1",
}
# AWS's device plugin for EFA, of no EKS add-on: the tag in the chart aws-efa-k8s-device-plugin of
# https://github.com/aws/eks-charts. Nothing raises it but a person.
EFA_DEVICE_PLUGIN: Final[str] = "v0.5.21-eksbuild.13"
_PROMETHEUS = "github.com/prometheus/prometheus"


class VersionError(Exception):
    """Nothing pins the version; the text names the place to pin it."""


def upstream_version(project: str, module: str) -> str:
    """Return the version of a module as go.mod writes it, with its `v`.

    Raises:
        VersionError: the project does not pin the module.
    """
    try:
        return recipe.load(project).version(module)
    except UpstreamError as error:
        raise VersionError(str(error)) from error


def release(version: str, module: str) -> str:
    """Return the version under which a module is released: Prometheus 3.5.0 is the module's 0.305.0."""
    if module != _PROMETHEUS:
        return version
    _, combined, patch = version.split(".")
    return f"v{int(combined) // 100}.{int(combined) % 100}.{patch}"


def python_version(distribution: str) -> str:
    """Return the version of a Python distribution in uv.lock.

    Raises:
        VersionError: uv.lock does not contain it.
    """
    try:
        return python_lock.version(distribution)
    except UpstreamError as error:
        raise VersionError(str(error)) from error


def image_packages(image: str) -> Mapping[str, str]:
    """Return package -> version of the Python packages in the lock of an image's own folder.

    Raises:
        VersionError: the image has no such lock.
    """
    path = REPOSITORY / "images" / image / "requirements.txt"
    if not path.is_file():
        raise VersionError(f"{path}: missing; only images with a lock of their own have one")
    pinned = (line.split(" ", 1)[0] for line in path.read_text().splitlines() if "==" in line)
    return {name: version for name, _, version in (line.partition("==") for line in pinned)}


def missing_addons(kubernetes: str, chosen: Mapping[str, str]) -> list[str]:
    """Return the EKS add-ons without a version for a Kubernetes version, neither pinned nor chosen."""
    return sorted(EKS_ADDON_NAMES - {*EKS_ADDONS.get(kubernetes, {}), *chosen})


def eks_addons(kubernetes: str, chosen: Mapping[str, str] | None = None) -> Mapping[str, str]:
    """Return add-on -> version of the EKS add-ons for a Kubernetes version such as `1.36`.

    Args:
        kubernetes: the Kubernetes version.
        chosen: versions in place of the pinned ones.

    Raises:
        VersionError: an add-on has none.
    """
    chosen = chosen or {}
    if missing := missing_addons(kubernetes, chosen):
        raise VersionError(
            f"no version of {', '.join(missing)} for Kubernetes {kubernetes}: "
            f"components/versions.py has those for {', '.join(EKS_ADDONS)}"
        )
    return {**EKS_ADDONS.get(kubernetes, {}), **chosen}


def main(arguments: list[str]) -> int:
    """Print the version of one distribution, or of the module that an upstream project is named after."""
    if len(arguments) != 1:
        sys.stderr.write("error: give one name: an upstream project or a Python distribution\n")
        return 1
    name = arguments[0]
    try:
        projects = {project.name: project for project in recipe.all_projects()}
        if name in projects:
            project = projects[name]
            module = next((each for each in project.versions if f"/{name}" in each), None)
            if module is None:
                raise VersionError(f"upstream/{name}/go.mod requires no module named after the project")
            version = project.versions[module]
        else:
            version = python_version(name)
    except (VersionError, UpstreamError) as error:
        sys.stderr.write(f"error: {error}\n")
        return 1
    sys.stdout.write(f"{version}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
