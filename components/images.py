"""References of the images that stacks use: one function names them all."""

from collections.abc import Iterable
from dataclasses import dataclass

from components import versions
from upstream import image_recipe
from upstream.cache import UpstreamError


class ImageError(Exception):
    """An image has no reference: the platform does not have it, or its folder is malformed."""


@dataclass(frozen=True, kw_only=True)
class _Upstream:
    """The name that upstream publishes an image under; its version is that of a module or distribution."""

    repository: str
    project: str = ""
    module: str = ""
    distribution: str = ""
    bare: bool = False


def _kfp(program: str) -> _Upstream:
    return _Upstream(repository=f"ghcr.io/kubeflow/kfp-{program}", distribution="kfp")


def _argo(program: str) -> _Upstream:
    return _Upstream(
        repository=f"quay.io/argoproj/{program}",
        project="argo-workflows",
        module="github.com/argoproj/argo-workflows/v3",
    )


def _prometheus(program: str, project: str, repository: str = "", module: str = "") -> _Upstream:
    return _Upstream(
        repository=f"quay.io/{repository or 'prometheus'}/{program}",
        project=project,
        module=module or f"github.com/prometheus/{project.replace('-', '_')}",
    )


def _prometheus_operator(program: str) -> _Upstream:
    name = "prometheus-operator"
    return _prometheus(program, name, repository=name, module=f"github.com/{name}/{name}")


# Not among them: kfp-api-server, kfp-driver, kfp-launcher and argo-workflow-controller, which hold code of
# this repository, katib-controller and katib-suggestion-goptuna, in which faults are mended, and
# trainer-controller, which lacks code of upstream's.
_UPSTREAM: dict[str, _Upstream] = {
    "alertmanager": _prometheus("alertmanager", "alertmanager"),
    "argo-executor": _argo("argoexec"),
    "cloudnative-pg": _Upstream(
        repository="ghcr.io/cloudnative-pg/cloudnative-pg",
        project="cloudnative-pg",
        module="github.com/cloudnative-pg/cloudnative-pg",
        bare=True,
    ),
    "kfp-persistence-agent": _kfp("persistence-agent"),
    "kfp-scheduled-workflow-controller": _kfp("scheduled-workflow-controller"),
    "katib-db-manager": _Upstream(
        repository="ghcr.io/kubeflow/katib/katib-db-manager",
        project="katib",
        module="github.com/kubeflow/katib",
    ),
    "kserve-controller": _Upstream(
        repository="docker.io/kserve/kserve-controller", project="kserve", module="github.com/kserve/kserve"
    ),
    "kueue-controller": _Upstream(
        repository="registry.k8s.io/kueue/kueue", project="kueue", module="sigs.k8s.io/kueue"
    ),
    "jobset-controller": _Upstream(
        repository="registry.k8s.io/jobset/jobset", project="jobset", module="sigs.k8s.io/jobset"
    ),
    "kube-state-metrics": _Upstream(
        repository="registry.k8s.io/kube-state-metrics/kube-state-metrics",
        project="kube-state-metrics",
        module="k8s.io/kube-state-metrics/v2",
    ),
    "nvidia-device-plugin": _Upstream(
        repository="nvcr.io/nvidia/k8s-device-plugin",
        project="nvidia-device-plugin",
        module="github.com/NVIDIA/k8s-device-plugin",
    ),
    "node-exporter": _prometheus("node-exporter", "node-exporter"),
    "prom-label-proxy": _prometheus(
        "prom-label-proxy",
        "prom-label-proxy",
        repository="prometheuscommunity",
        module="github.com/prometheus-community/prom-label-proxy",
    ),
    "prometheus": _prometheus("prometheus", "prometheus"),
    "prometheus-config-reloader": _prometheus_operator("prometheus-config-reloader"),
    "prometheus-operator": _prometheus_operator("prometheus-operator"),
    "statsd-exporter": _prometheus("statsd-exporter", "statsd-exporter"),
    "traefik": _Upstream(
        repository="docker.io/library/traefik", project="traefik", module="github.com/traefik/traefik/v3"
    ),
    "versitygw": _Upstream(
        repository="ghcr.io/versity/versitygw", project="versitygw", module="github.com/versity/versitygw"
    ),
}
# CloudNativePG reads the major version of the server from the start of the tag.
_VERSIONS = {"postgres": "17"}


# Only clusters in a cloud run these: pulled from upstream, never built here.
_PUBLISHED = {
    "cluster-autoscaler": "registry.k8s.io/autoscaling/cluster-autoscaler",
    "karpenter": "public.ecr.aws/karpenter/controller",
}

# Accounts of the registries with the images of EKS; every region has one, and nodes are let in by their role.
# https://docs.aws.amazon.com/eks/latest/userguide/add-ons-images.html
_EKS_ACCOUNT = "602401143452"
_EKS_ACCOUNTS = {
    "af-south-1": "877085696533",
    "ap-east-1": "800184023465",
    "ap-east-2": "533267051163",
    "ap-south-2": "900889452093",
    "ap-southeast-3": "296578399912",
    "ap-southeast-4": "491585149902",
    "ap-southeast-5": "151610086707",
    "ap-southeast-6": "333609536671",
    "ap-southeast-7": "121268973566",
    "ca-west-1": "761377655185",
    "eu-central-2": "900612956339",
    "eu-south-1": "590381155156",
    "eu-south-2": "455263428931",
    "il-central-1": "066635153087",
    "me-central-1": "759879836304",
    "me-south-1": "558608220178",
    "mx-central-1": "730335286997",
}


def of_eks(name: str, version: str, region: str) -> str:
    """Return the reference of an image that EKS publishes for its nodes, in the registry of their region."""
    account = _EKS_ACCOUNTS.get(region, _EKS_ACCOUNT)
    return f"{account}.dkr.ecr.{region}.amazonaws.com/eks/{name}:{version}"


def published(name: str, version: str, mirror: str = "") -> str:
    """Return the reference of an image that clouds pull from upstream, or from a mirror of it.

    Raises:
        ImageError: no such image.
    """
    if name not in _PUBLISHED:
        raise ImageError(f"no published image {name!r}: there are {', '.join(sorted(_PUBLISHED))}")
    if mirror:
        return f"{mirror.rstrip('/')}/plinth/{name}:{version}"
    return f"{_PUBLISHED[name]}:{version}"


def is_own(name: str) -> bool:
    """Return whether only this repository makes the image, as opposed to building an upstream one."""
    return name not in _UPSTREAM


def repositories(names: Iterable[str], *, mirrored: bool) -> tuple[str, ...]:
    """Return the images that need a repository in a stack's registry.

    Args:
        names: images of all parts.
        mirrored: whether the registry also has the images of upstream.
    """
    return (*names, *sorted(_PUBLISHED)) if mirrored else tuple(name for name in names if is_own(name))


def reference(name: str, registry: str = "", *, mirrored: bool = False) -> str:
    """Return the full reference of an image.

    Without a registry all images, upstream's too, are built here and published to the cluster's own registry.
    Their tags end with their content, so that a rebuilt image rolls out. With a registry, our images have
    such tags in it, and upstream's are pulled from upstream under upstream's plain names.

    Args:
        name: short name, equal to the folder in images/.
        registry: prefix of our images; empty on a cluster that gets everything from this machine.
        mirrored: whether the registry also has upstream's images, under upstream's versions.

    Raises:
        ImageError: no such image, or its content cannot be read.
    """
    image = _UPSTREAM.get(name)
    try:
        if image is None:
            prefix = f"{registry.rstrip('/')}/" if registry else ""
            return f"{prefix}plinth/{name}:{image_recipe.tag(name, _VERSIONS.get(name, ''))}"
        version = _upstream_version(image)
        if mirrored and registry:
            return f"{registry.rstrip('/')}/plinth/{name}:{version}"
        return f"{image.repository}:{version if registry else image_recipe.tag(name, version)}"
    except UpstreamError as error:
        raise ImageError(str(error)) from error


def _upstream_version(image: _Upstream) -> str:
    if image.distribution:
        return versions.python_version(image.distribution)
    version = versions.release(versions.upstream_version(image.project, image.module), image.module)
    return version.removeprefix("v") if image.bare else version
