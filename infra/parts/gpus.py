"""GPU scheduling: NVIDIA's device plugin, and the admission policies of GPU nodes."""

from typing import TYPE_CHECKING

from components.connections import GpuPolicies
from infra.parts.part import Connections, Part, Provides
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from infra.parts.site import Site

# Created by the component; importing its name from there would cost every command a second.
_DEVICE_PLUGIN_NAMESPACE = "nvidia-device-plugin"


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.gpus.gpu_scheduling import GpuScheduling, GpuSchedulingArgs
    from infra.settings import gpu_sharing

    scheduling = GpuScheduling(
        "gpu-scheduling",
        GpuSchedulingArgs(
            device_plugin_image=site.image("nvidia-device-plugin"),
            pools=gpu_sharing.pools(site.settings.gpu_pools),
            shared=bool(site.settings.teams),
        ),
        site.opts,
    )
    return Provides(connections=(GpuPolicies(in_force=tuple(scheduling.policies)),))


def _wanted(settings: Settings) -> bool:
    return bool(settings.gpu_pools)


def _own_namespaces(_: Settings) -> tuple[str, ...]:
    return (_DEVICE_PLUGIN_NAMESPACE,)


GPUS = Part(
    name="gpus",
    deploy=_deploy,
    wanted=_wanted,
    provides=(GpuPolicies,),
    own_namespaces=_own_namespaces,
    images=("nvidia-device-plugin",),
)
