"""The one function that makes an image reference; tags follow from a pin or the image's own content."""

import hashlib
import json
import tomllib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from components import versions
from upstream import recipe


class ImageError(Exception):
    """An image was asked for that the platform does not have."""


@dataclass(frozen=True, kw_only=True)
class _Upstream:
    """An image that keeps upstream's name; its tag is the version of a Go module or a Python distribution."""

    repository: str
    project: str = ""
    module: str = ""
    distribution: str = ""
    bare: bool = False


@dataclass(frozen=True, kw_only=True)
class _Own:
    """An image of this repository; its tag is a digest of everything that its folder says goes into it."""

    prefix: str = ""


def _kfp(program: str) -> _Upstream:
    return _Upstream(repository=f"ghcr.io/kubeflow/kfp-{program}", distribution="kfp")


def _argo(program: str) -> _Upstream:
    return _Upstream(
        repository=f"quay.io/argoproj/{program}",
        project="argo-workflows",
        module="github.com/argoproj/argo-workflows/v3",
    )


_IMAGES: dict[str, _Upstream | _Own] = {
    "argo-executor": _argo("argoexec"),
    "argo-workflow-controller": _argo("workflow-controller"),
    "cloudnative-pg": _Upstream(
        repository="ghcr.io/cloudnative-pg/cloudnative-pg",
        project="cloudnative-pg",
        module="github.com/cloudnative-pg/cloudnative-pg",
        bare=True,
    ),
    "coredns": _Upstream(
        repository="registry.k8s.io/coredns/coredns", project="coredns", module="github.com/coredns/coredns"
    ),
    "kfp-api-server": _kfp("api-server"),
    "kfp-driver": _kfp("driver"),
    "kfp-launcher": _kfp("launcher"),
    "kfp-persistence-agent": _kfp("persistence-agent"),
    "kfp-scheduled-workflow-controller": _kfp("scheduled-workflow-controller"),
    "kserve-controller": _Upstream(
        repository="docker.io/kserve/kserve-controller", project="kserve", module="github.com/kserve/kserve"
    ),
    "metrics-server": _Upstream(
        repository="registry.k8s.io/metrics-server/metrics-server",
        project="metrics-server",
        module="sigs.k8s.io/metrics-server",
    ),
    "traefik": _Upstream(
        repository="docker.io/library/traefik", project="traefik", module="github.com/traefik/traefik/v3"
    ),
    "versitygw": _Upstream(
        repository="ghcr.io/versity/versitygw", project="versitygw", module="github.com/versity/versitygw"
    ),
    "mariadb": _Own(),
    "mlflow-server": _Own(),
    "mlmd": _Own(),
    # CloudNativePG reads the major version of the server from the tag.
    "postgres": _Own(prefix="17-"),
    "serving-runtime": _Own(),
    "storage-initializer": _Own(),
    "workload": _Own(),
}


# What only a cloud's cluster runs: pulled from upstream, never built here.
_PUBLISHED = {
    "cluster-autoscaler": "registry.k8s.io/autoscaling/cluster-autoscaler",
    "karpenter": "public.ecr.aws/karpenter/controller",
}


def published(name: str, version: str) -> str:
    """Return the reference of an image that clouds pull from upstream.

    Raises:
        ImageError: no such image.
    """
    if name not in _PUBLISHED:
        raise ImageError(f"no published image {name!r}: there are {', '.join(sorted(_PUBLISHED))}")
    return f"{_PUBLISHED[name]}:{version}"


def names() -> list[str]:
    """Return the short names of all images that this repository builds or mirrors."""
    return sorted(_IMAGES)


def is_own(name: str) -> bool:
    """Return whether this repository makes the image, rather than building an upstream one."""
    return isinstance(_lookup(name), _Own)


def reference(name: str, registry: str = "") -> str:
    """Return the full reference of an image.

    Args:
        name: short name, equal to the folder in images/.
        registry: where our own images lie; upstream images keep upstream's names.

    Raises:
        ImageError: no such image.
    """
    image = _lookup(name)
    if isinstance(image, _Upstream):
        return f"{image.repository}:{_upstream_tag(image)}"
    prefix = f"{registry.rstrip('/')}/" if registry else ""
    return f"{prefix}plinth/{name}:{_content_tag(name)}"


def _lookup(name: str) -> _Upstream | _Own:
    if name not in _IMAGES:
        raise ImageError(f"no image {name!r}: there are {', '.join(names())}")
    return _IMAGES[name]


def _upstream_tag(image: _Upstream) -> str:
    if image.distribution:
        return versions.python_version(image.distribution)
    version = versions.upstream_version(image.project, image.module)
    return version.removeprefix("v") if image.bare else version


@cache
def _content_tag(name: str) -> str:
    image = _lookup(name)
    if isinstance(image, _Upstream):
        raise ImageError(f"{name} is an upstream image: its tag is a version")
    content = json.dumps(_content(name), sort_keys=True)
    return image.prefix + hashlib.sha256(content.encode()).hexdigest()[:12]


def _content(name: str) -> list[Any]:
    """Return all that goes into an image: its files, its locked packages and programs, and its base's."""
    folder = versions.REPOSITORY / "images" / name
    if not (folder / "Dockerfile").is_file():
        raise ImageError(f"images/{name}/Dockerfile is missing: the image {name} cannot be built")
    file = folder / "image.toml"
    declared = tomllib.loads(file.read_text()) if file.is_file() else {}
    python = declared.get("python", {})
    groups = [*python.get("groups", ()), *python.get("shared-by", ())]
    projects = {recipe.owner(program).name for program in declared.get("programs", ())}
    projects |= {source.partition(":")[0] for source in declared.get("modules", {}).values()}
    return [
        _digests(folder),
        [versions.locked_group(group) for group in groups],
        [_digests(recipe.FOLDER / project) for project in sorted(projects)],
        _content(declared["base"]) if "base" in declared else [],
    ]


def _digests(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder.parent)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and "__pycache__" not in path.parts
    }
