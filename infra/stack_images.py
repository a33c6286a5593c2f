"""The images that a stack uses: those of parts it does without are neither built nor pushed."""

from components import images
from infra.settings.stack import Settings

_OF_GPU_POOLS = frozenset({"kueue-controller", "nvidia-device-plugin"})
_OF_MONITORING = frozenset(
    {
        "alertmanager",
        "kube-state-metrics",
        "node-exporter",
        "prometheus",
        "prometheus-config-reloader",
        "prometheus-operator",
        "statsd-exporter",
    }
)


def names(settings: Settings) -> list[str]:
    """Return the short names of the images that a stack uses."""
    spared: frozenset[str] = frozenset()
    if not settings.gpu_pools:
        spared |= _OF_GPU_POOLS
    if not settings.monitoring.enabled:
        spared |= _OF_MONITORING
    return [name for name in images.names() if name not in spared]
