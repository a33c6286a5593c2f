"""Monitoring: Prometheus, Alertmanager, exporters and dashboards for every part of the stack."""

import dataclasses
from typing import TYPE_CHECKING

from components.access import roles
from components.access.roles import Access
from components.connections import GatewayConnection
from infra.parts.pace import timing
from infra.parts.part import Connections, Need, Part, Provides
from infra.parts.records import Route, Volume
from infra.parts.tenant import Tenant, teams
from infra.settings.stack import Settings
from workloads.contract import Host

if TYPE_CHECKING:
    from components.monitoring.watch import Watch
    from infra.parts.site import Site

NAMESPACE = "monitoring"
_LABEL_PROXY = "prom-label-proxy"
# Queries come by POST too, and change nothing.
_ACCESS = Access(group=roles.PLATFORM, resource="metrics", reads=("",))


def _localhost(tenant: Tenant) -> str:
    return f"{tenant.localhost}/prometheus"


def _deploy(site: "Site", connections: Connections) -> Provides:
    import pulumi

    from components.monitoring.prometheus_monitoring import (
        MonitoringImages,
        PrometheusMonitoring,
        PrometheusMonitoringArgs,
    )
    from components.monitoring.prometheus_server import RemoteWrite
    from components.monitoring.team_metrics import TeamView

    chosen = site.settings.monitoring
    remote = chosen.remote_write
    namespace = site.namespaces[NAMESPACE]
    if remote and remote.region and site.target.cloud:
        # Must match the service account created by PrometheusMonitoring.
        site.target.cloud.metrics_writer(NAMESPACE, f"{NAMESPACE}-prometheus", remote.url)
    monitoring = PrometheusMonitoring(
        NAMESPACE,
        PrometheusMonitoringArgs(
            namespace=namespace,
            cluster_name=site.settings.cluster.name,
            images=MonitoringImages(
                alertmanager=site.image("alertmanager"),
                config_reloader=site.image("prometheus-config-reloader"),
                kube_state_metrics=site.image("kube-state-metrics"),
                node_exporter=site.image("node-exporter"),
                operator=site.image("prometheus-operator"),
                prometheus=site.image("prometheus"),
                label_proxy=site.image(_LABEL_PROXY),
            ),
            watch=site.plan.watch(),
            timing=timing(site.settings),
            certificates={each.name: site.certificate(each).certificate for each in site.plan.certificates},
            gateway=connections.get(GatewayConnection),
            teams={
                each.team: TeamView(
                    host=each.prometheus, localhost=_localhost(each), namespaces=each.namespaces
                )
                for each in teams(site.settings)
            },
            retention=chosen.retention,
            storage_size=chosen.storage_size,
            remote_write=RemoteWrite(url=remote.url, region=remote.region) if remote else None,
            webhook_url=chosen.webhook_url,
            grafana_image=chosen.grafana_image,
        ),
        # A quarter of all objects: create them while the stores start, not before.
        pulumi.ResourceOptions.merge(
            site.opts, pulumi.ResourceOptions(depends_on=[*connections.resources(GatewayConnection)])
        ),
    )
    return Provides(outputs={"prometheus_url": monitoring.url})


def _wanted(settings: Settings) -> bool:
    return settings.monitoring.enabled


def _routes(settings: Settings) -> tuple[Route, ...]:
    grafana = Route(
        host=Host.GRAFANA,
        title="Grafana",
        description="Dashboards of the platform, for reading.",
        namespace=NAMESPACE,
        access=_ACCESS,
    )
    prometheus = Route(
        host=Host.PROMETHEUS,
        title="Prometheus",
        description="Metrics, rules and alerts of the platform.",
        namespace=NAMESPACE,
        access=_ACCESS,
    )
    own = (prometheus, grafana) if settings.monitoring.grafana_image else (prometheus,)
    return (*own, *map(_team_route, teams(settings)))


def _team_route(tenant: Tenant) -> Route:
    return Route(
        host=tenant.prometheus,
        title=tenant.titled("Metrics"),
        description="Prometheus' query API for the team's namespaces; a data source of Grafana.",
        namespace=NAMESPACE,
        access=dataclasses.replace(_ACCESS, localhost=(_localhost(tenant),)),
        rights_in=tenant.rights_namespace,
    )


def _unused_images(settings: Settings) -> tuple[str, ...]:
    return () if teams(settings) else (_LABEL_PROXY,)


def _watch(settings: Settings) -> "Watch":
    from components.gpus import monitoring as gpus
    from components.monitoring import cluster_watch, watch

    durations = timing(settings)
    return watch.merged([cluster_watch.watch(NAMESPACE, durations), gpus.pods_watch(durations)])


def _state(settings: Settings) -> tuple[Volume, ...]:
    return (Volume(name="metrics", size=settings.monitoring.storage_size),)


MONITORING = Part(
    name="monitoring",
    deploy=_deploy,
    wanted=_wanted,
    needs=(Need(connection=GatewayConnection, namespaces=()),),
    namespaces=(NAMESPACE,),
    images=(
        "alertmanager",
        "kube-state-metrics",
        "node-exporter",
        _LABEL_PROXY,
        "prometheus",
        "prometheus-config-reloader",
        "prometheus-operator",
        "statsd-exporter",
    ),
    unused_images=_unused_images,
    routes=_routes,
    watch=_watch,
    state=_state,
)
