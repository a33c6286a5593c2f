"""Queues of teams: Kueue, wherever a team has a quota of CPUs or the stack has GPU pools."""

from typing import TYPE_CHECKING

from components.connections import GpuPolicies, TeamQueues
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.secrets import WebhookCertificate
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from components.queues.kueue_controller import Framework
    from infra.parts.site import Site

NAMESPACE = "kueue"


def _webhook_host() -> str:
    from components.queues import kueue_controller

    return kueue_controller.webhook_host(NAMESPACE)


_WEBHOOKS = WebhookCertificate(name="kueue-webhooks", prefix="queueWebhook", host=_webhook_host)


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.queues.kueue_queues import FormerParent, KueueQueues, KueueQueuesArgs
    from infra.settings import gpu_sharing, team_sharing

    policies = connections.find(GpuPolicies)
    queues = KueueQueues(
        "queues",
        KueueQueuesArgs(
            namespace=site.namespaces[NAMESPACE],
            controller_image=site.image("kueue-controller"),
            pools=gpu_sharing.pools(site.settings.gpu_pools),
            teams=team_sharing.teams(site.settings.teams),
            webhook_certificate=site.certificate(_WEBHOOKS),
            frameworks=_frameworks(site.settings),
            scrapers=site.scrapers,
            replicas=2 if site.settings.protect else 1,
            after=policies.in_force if policies else (),
            # Only GPUs were counted once, by a component that also had what nodes with GPUs need.
            former=FormerParent(name="gpu-scheduling", type_="plinth:index:GpuScheduling"),
        ),
        site.opts,
    )
    return Provides(connections=(TeamQueues(by_team=queues.cluster_queues),))


def _frameworks(settings: Settings) -> "tuple[Framework, ...]":
    """Return the kinds of jobs that queue besides Jobs and pods: those that a part of the stack defines."""
    from components.queues.kueue_controller import Framework

    return (Framework.JOB_SET, Framework.TRAIN_JOB) if settings.training.enabled else ()


def _wanted(settings: Settings) -> bool:
    return bool(settings.gpu_pools) or any(team.cpu_quota is not None for team in settings.teams)


def _watch(settings: Settings) -> "Watch":
    from components.queues import monitoring

    return monitoring.watch(NAMESPACE, timing(settings))


QUEUES = Part(
    name="queues",
    deploy=_deploy,
    wanted=_wanted,
    needs=(Need(connection=GpuPolicies, namespaces=(), optional=True),),
    provides=(TeamQueues,),
    namespaces=(NAMESPACE,),
    images=("kueue-controller",),
    secrets=(_WEBHOOKS,),
    watch=_watch,
)
