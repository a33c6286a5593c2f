"""GPU scheduling: Kueue's queues over the pools of GPU nodes, and NVIDIA's device plugin."""

from typing import TYPE_CHECKING

from components.connections import GatewayConnection, TrackingConnection
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.secrets import WebhookCertificate
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "kueue"


def _webhook_host() -> str:
    from components.gpus import kueue_controller

    return kueue_controller.webhook_host(NAMESPACE)


_WEBHOOKS = WebhookCertificate(name="kueue-webhooks", prefix="queueWebhook", host=_webhook_host)


def _deploy(site: "Site", _: Connections) -> Provides:
    from components.gpus.gpu_scheduling import GpuScheduling, GpuSchedulingArgs
    from infra.settings import gpu_sharing

    certificate = site.certificate(_WEBHOOKS)
    GpuScheduling(
        "gpu-scheduling",
        GpuSchedulingArgs(
            namespace=site.namespaces[NAMESPACE],
            controller_image=site.image("kueue-controller"),
            device_plugin_image=site.image("nvidia-device-plugin"),
            pools=gpu_sharing.pools(site.settings.gpu_pools),
            teams=gpu_sharing.teams(site.settings.teams),
            webhook_ca=certificate.authority,
            webhook_certificate=certificate.certificate,
            webhook_key=certificate.key,
            # The tracking server, and the gateway to everything else.
            destinations=({"to": [*site.servers(GatewayConnection, TrackingConnection)]},),
            scrapers=site.scrapers,
            replicas=2 if site.settings.protect else 1,
        ),
        site.opts,
    )
    return Provides()


def _wanted(settings: Settings) -> bool:
    return bool(settings.gpu_pools)


def _own_namespaces(settings: Settings) -> tuple[str, ...]:
    return tuple(team.name for team in settings.teams)


def _watch(settings: Settings) -> "Watch":
    from components.gpus import monitoring

    return monitoring.queues_watch(NAMESPACE, timing(settings))


GPUS = Part(
    name="gpus",
    deploy=_deploy,
    wanted=_wanted,
    needs=(
        Need(connection=GatewayConnection, namespaces=()),
        Need(connection=TrackingConnection, namespaces=()),
    ),
    namespaces=(NAMESPACE,),
    own_namespaces=_own_namespaces,
    images=("kueue-controller", "nvidia-device-plugin"),
    secrets=(_WEBHOOKS,),
    watch=_watch,
)
