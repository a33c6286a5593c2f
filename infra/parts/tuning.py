"""Tuning: Katib, whose experiments search parameters by trials in the namespaces of runs."""

from typing import TYPE_CHECKING

from components.connections import (
    GatewayConnection,
    PipelinesConnection,
    PostgresConnection,
    TeamNamespaces,
    TrackingConnection,
)
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.secrets import Secret, WebhookCertificate
from infra.parts.stores.tracking_database import TUNING_DATABASE, TUNING_PASSWORD
from infra.parts.tenant import runs_namespaces
from infra.settings.stack import Settings
from workloads.contract import METRIC_STORE

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = METRIC_STORE.partition(".")[2].partition(":")[0]


def _webhook_host() -> str:
    from components.tuning import katib_controller

    return katib_controller.webhook_host(NAMESPACE)


_WEBHOOKS = WebhookCertificate(name="katib-webhooks", prefix="tuningWebhook", host=_webhook_host)


def _deploy(site: "Site", connections: Connections) -> Provides:
    from components.pipelines import pipeline_steps
    from components.tuning.experiment_namespace import (
        ExperimentNamespace,
        ExperimentNamespaceArgs,
        trial_peer,
    )
    from components.tuning.katib_controller import KatibController, KatibControllerArgs
    from components.tuning.metric_store import MetricStore, MetricStoreArgs

    namespace = site.namespaces[NAMESPACE]
    found = runs_namespaces(site, connections)
    store = MetricStore(
        "katib-metrics",
        MetricStoreArgs(
            namespace=namespace,
            image=site.image("katib-db-manager"),
            database=connections.get(PostgresConnection).databases[TUNING_DATABASE],
            clients=tuple(trial_peer(each) for each in found.values()),
            stores=site.stores(PostgresConnection),
        ),
        site.opts,
    )
    KatibController(
        "katib",
        KatibControllerArgs(
            namespace=namespace,
            image=site.image("katib-controller"),
            suggestion_image=site.image("katib-suggestion-goptuna"),
            webhook_certificate=site.certificate(_WEBHOOKS),
            after=[store.server],
        ),
        site.opts,
    )
    for name, each in found.items():
        ExperimentNamespace(
            f"experiments-{name}",
            ExperimentNamespaceArgs(
                namespace=each,
                core_namespace=namespace,
                steps_account=pipeline_steps.ACCOUNT,
                destinations=({"to": [*site.servers(GatewayConnection, TrackingConnection)]},),
            ),
            site.opts,
        )
    return Provides()


def _wanted(settings: Settings) -> bool:
    return settings.tuning.enabled


def _own_secrets(_: Settings) -> tuple[Secret, ...]:
    return (TUNING_PASSWORD, _WEBHOOKS)


def _watch(settings: Settings) -> "Watch":
    from components.tuning import monitoring

    return monitoring.watch(NAMESPACE, timing(settings))


TUNING = Part(
    name="tuning",
    deploy=_deploy,
    wanted=_wanted,
    needs=(
        Need(connection=PostgresConnection),
        Need(connection=GatewayConnection, namespaces=()),
        Need(connection=TrackingConnection, namespaces=()),
        Need(connection=PipelinesConnection, namespaces=()),
        Need(connection=TeamNamespaces, namespaces=(), optional=True),
    ),
    namespaces=(NAMESPACE,),
    images=("katib-controller", "katib-db-manager", "katib-suggestion-goptuna"),
    own_secrets=_own_secrets,
    watch=_watch,
)
