"""Versions, read where they are pinned: `upstream/*/go.mod` and `uv.lock`.

`python -m components.versions NAME` prints one, for shell scripts.
"""

import sys
import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

from upstream import recipe
from upstream.cache import UpstreamError

REPOSITORY = Path(__file__).parent.parent
# Amazon RDS: the major versions that images/postgres and images/mariadb have as well.
RDS_POSTGRES: Final[str] = "17"
RDS_MARIADB: Final[str] = "10.11"

# Add-ons of EKS have versions of their own, which no module or package pins; AWS publishes them for each
# Kubernetes version: `aws eks describe-addon-versions --kubernetes-version 1.36`.
EKS_ADDONS: Final[Mapping[str, Mapping[str, str]]] = {
    "1.36": {
        # renovate: datasource=custom.eks-addon depName=vpc-cni
        "vpc-cni": "v1.22.4-eksbuild.3",
        # renovate: datasource=custom.eks-addon depName=kube-proxy
        "kube-proxy": "v1.36.0-eksbuild.21",
        # renovate: datasource=custom.eks-addon depName=coredns
        "coredns": "v1.14.3-eksbuild.16",
        # renovate: datasource=custom.eks-addon depName=aws-ebs-csi-driver
        "aws-ebs-csi-driver": "v1.63.1-eksbuild.1",
        # renovate: datasource=custom.eks-addon depName=eks-pod-identity-agent
        "eks-pod-identity-agent": "v1.3.10-eksbuild.3",
    },
}
# Of each Kubernetes version, as upstream names its images.
CLUSTER_AUTOSCALER: Final[Mapping[str, str]] = {
    # renovate: datasource=docker depName=registry.k8s.io/autoscaling/cluster-autoscaler
    "1.36": "v1.36.1",
}


class VersionError(Exception):
    """A version was asked for that nothing pins; the text names the place to pin it."""


def upstream_version(project: str, module: str) -> str:
    """Return the version of a module as go.mod writes it, with its `v`.

    Raises:
        VersionError: the project does not pin the module.
    """
    try:
        return recipe.load(project).version(module)
    except UpstreamError as error:
        raise VersionError(str(error)) from error


@cache
def _locked_packages() -> dict[str, dict[str, Any]]:
    lock = tomllib.loads((REPOSITORY / "uv.lock").read_text())
    return {package["name"]: package for package in lock["package"]}


def python_version(distribution: str) -> str:
    """Return the version of a Python distribution in uv.lock.

    Raises:
        VersionError: uv.lock does not hold it.
    """
    package = _locked_packages().get(distribution)
    if package is None:
        raise VersionError(
            f"uv.lock holds no {distribution}: add it to a group of pyproject.toml and run `uv lock`"
        )
    return str(package["version"])


def eks_addons(kubernetes: str) -> Mapping[str, str]:
    """Return add-on -> version of the add-ons of EKS that suit a Kubernetes version such as `1.36`.

    Raises:
        VersionError: none are pinned for it.
    """
    if kubernetes not in EKS_ADDONS:
        raise VersionError(
            f"no EKS add-ons for Kubernetes {kubernetes}: components/versions.py has {', '.join(EKS_ADDONS)}"
        )
    return EKS_ADDONS[kubernetes]


def locked_group(group: str) -> dict[str, str]:
    """Return name -> version of everything that a dependency group of pyproject.toml installs.

    Raises:
        VersionError: pyproject.toml has no such group.
    """
    packages = _locked_packages()
    groups: dict[str, list[dict[str, str]]] = packages["plinth"]["dev-dependencies"]
    if group not in groups:
        raise VersionError(f"no dependency group {group!r} in uv.lock: it has {', '.join(sorted(groups))}")
    found: dict[str, str] = {}
    todo = list(groups[group])
    while todo:
        entry = todo.pop()
        package = packages[entry["name"]]
        extras = package.get("optional-dependencies", {})
        for extra in entry.get("extra", ()):
            todo += extras.get(extra, ())
        if entry["name"] not in found:
            found[entry["name"]] = package["version"]
            todo += package.get("dependencies", ())
    return dict(sorted(found.items()))


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
