"""Training: Kubeflow Trainer with JobSet, its runtimes, and what every namespace of runs needs for them."""

from typing import TYPE_CHECKING

from components.connections import PipelinesConnection, TeamNamespaces, TeamQueues, TrackingConnection
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.secrets import Secret, WebhookCertificate
from infra.parts.tenant import runs_namespaces, teams
from infra.settings.stack import Settings

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "training"


def _jobset_host() -> str:
    from components.training import jobset_controller

    return jobset_controller.webhook_host(NAMESPACE)


def _trainer_host() -> str:
    from components.training import trainer_controller

    return trainer_controller.webhook_host(NAMESPACE)


_JOBSET = WebhookCertificate(name="jobset-webhooks", prefix="jobsetWebhook", host=_jobset_host)
_TRAINER = WebhookCertificate(name="trainer-webhooks", prefix="trainerWebhook", host=_trainer_host)


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.training.distributed_training import DistributedTraining, DistributedTrainingArgs

    DistributedTraining(
        "training",
        DistributedTrainingArgs(
            namespace=site.namespaces[NAMESPACE],
            jobset_image=site.image("jobset-controller"),
            trainer_image=site.image("trainer-controller"),
            nodes_image=site.image("workload"),
            jobset_certificate=site.certificate(_JOBSET),
            trainer_certificate=site.certificate(_TRAINER),
            runs=runs_namespaces(site, connections),
            queues=_queues(site, connections),
            destinations=({"to": [*site.servers(TrackingConnection)]},),
            scrapers=site.scrapers,
        ),
        site.opts,
    )
    return Provides()


def _queues(site: "Site", connections: Connections) -> frozenset[str]:
    """Return the teams that have a queue, which is named after them."""
    found = connections.find(TeamQueues)
    return frozenset(found.by_team) & {each.team for each in teams(site.settings)} if found else frozenset()


def _wanted(settings: Settings) -> bool:
    return settings.training.enabled


def _secrets(_: Settings) -> tuple[Secret, ...]:
    return (_JOBSET, _TRAINER)


def _watch(settings: Settings) -> "Watch":
    from components.training import monitoring

    return monitoring.watch(NAMESPACE, timing(settings))


TRAINING = Part(
    name="training",
    deploy=_deploy,
    wanted=_wanted,
    needs=(
        # Nodes are in the namespaces of runs, whose programs reach it already.
        Need(connection=TrackingConnection, namespaces=()),
        # The account of steps, and the settings that nodes read.
        Need(connection=PipelinesConnection, namespaces=()),
        Need(connection=TeamNamespaces, namespaces=(), optional=True),
        Need(connection=TeamQueues, namespaces=(), optional=True),
    ),
    namespaces=(NAMESPACE,),
    images=("jobset-controller", "trainer-controller"),
    own_secrets=_secrets,
    watch=_watch,
)
