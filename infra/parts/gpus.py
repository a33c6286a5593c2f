"""GPU scheduling: Kueue's queues over the pools of GPU nodes, and NVIDIA's device plugin."""

from typing import TYPE_CHECKING

from components.connections import TeamQueues
from infra.parts.pace import timing
from infra.parts.part import Connections, Part, Provides
from infra.parts.secrets import WebhookCertificate
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "kueue"
# Created by the component; importing its name from there would cost every command a second.
_DEVICE_PLUGIN_NAMESPACE = "nvidia-device-plugin"


def _webhook_host() -> str:
    from components.gpus import kueue_controller

    return kueue_controller.webhook_host(NAMESPACE)


_WEBHOOKS = WebhookCertificate(name="kueue-webhooks", prefix="queueWebhook", host=_webhook_host)


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.gpus.gpu_scheduling import GpuScheduling, GpuSchedulingArgs
    from infra.settings import gpu_sharing

    scheduling = GpuScheduling(
        "gpu-scheduling",
        GpuSchedulingArgs(
            namespace=site.namespaces[NAMESPACE],
            controller_image=site.image("kueue-controller"),
            device_plugin_image=site.image("nvidia-device-plugin"),
            pools=gpu_sharing.pools(site.settings.gpu_pools),
            teams=gpu_sharing.teams(site.settings.teams),
            webhook_certificate=site.certificate(_WEBHOOKS),
            scrapers=site.scrapers,
            replicas=2 if site.settings.protect else 1,
        ),
        site.opts,
    )
    return Provides(connections=(TeamQueues(by_team=scheduling.cluster_queues),))


def _wanted(settings: Settings) -> bool:
    return bool(settings.gpu_pools)


def _own_namespaces(_: Settings) -> tuple[str, ...]:
    return (_DEVICE_PLUGIN_NAMESPACE,)


def _watch(settings: Settings) -> "Watch":
    from components.gpus import monitoring

    return monitoring.queues_watch(NAMESPACE, timing(settings))


GPUS = Part(
    name="gpus",
    deploy=_deploy,
    wanted=_wanted,
    provides=(TeamQueues,),
    namespaces=(NAMESPACE,),
    own_namespaces=_own_namespaces,
    images=("kueue-controller", "nvidia-device-plugin"),
    secrets=(_WEBHOOKS,),
    watch=_watch,
)
