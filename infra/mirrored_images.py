"""Images of upstream that a stack pulls from its own registry, and where each is copied from."""

from collections.abc import Iterator

from components import images
from infra.errors import InfraError
from infra.parts import PARTS
from infra.parts.plan import plan
from infra.settings.cluster import EksSettings
from infra.settings.pools import Provisioner
from infra.settings.stack import Settings


def pairs(settings: Settings) -> Iterator[tuple[str, str]]:
    """Yield the reference at upstream, and that of the copy, of every image that a stack mirrors.

    Raises:
        InfraError: the stack pulls from upstream.
    """
    if not settings.mirror:
        raise InfraError("the stack mirrors no images: set plinth:images.mirror to true")
    for name in plan(settings, PARTS).images:
        if not images.is_own(name):
            source = images.reference(name, settings.registry)
            yield source, images.reference(name, settings.registry, mirrored=True)
    for name, version in _published(settings):
        yield images.published(name, version), images.published(name, version, settings.mirror)


def _published(settings: Settings) -> Iterator[tuple[str, str]]:
    cluster = settings.cluster
    if not isinstance(cluster, EksSettings):
        return
    yield "cluster-autoscaler", cluster.autoscaler_version
    if any(pool.provisioner is Provisioner.KARPENTER for pool in settings.gpu_pools):
        # Importing the AWS SDK takes a second, which other commands should not wait for.
        from components.aws import karpenter

        yield "karpenter", karpenter.release()
