"""Scrape targets, alerts and panels of the stores that run in the cluster.

Managed stores are monitored by the cloud.
"""

from components.incluster import object_store, postgres
from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import alert, deployment_down
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch


def postgres_watch(namespace: str, timing: Timing) -> Watch:
    """Return targets, alert and panels of the tracking database and its operator."""
    targets = (
        Target(
            name="postgres",
            namespace=namespace,
            labels=postgres.POD_LABELS,
            port=postgres.METRICS_PORT,
            metrics=("cnpg_backends_total", "cnpg_collector_up", "cnpg_pg_database_size_bytes"),
        ),
        Target(
            name="postgres-operator",
            namespace=postgres.OPERATOR_NAMESPACE,
            labels=postgres.OPERATOR_POD_LABELS,
            port=postgres.OPERATOR_METRICS_PORT,
            metrics=("controller_runtime_reconcile_total",),
        ),
    )
    down = alert(
        timing,
        "TrackingDatabaseDown",
        # A database that is gone has no series at all.
        f'(sum(cnpg_collector_up{{namespace="{namespace}"}}) or vector(0)) < 1',
        "No instance of MLflow's database answers",
        f"kubectl -n {namespace} get clusters.postgresql.cnpg.io,pods",
    )
    panels = (
        Panel(
            title="Instances of the database that answer",
            queries={"up": "sum(cnpg_collector_up)"},
            kind="stat",
        ),
        Panel(
            title="Connections to the database",
            queries={"{{state}}": "sum by (state) (cnpg_backends_total)"},
        ),
        Panel(
            title="Size of the databases",
            queries={"{{datname}}": "sum by (datname) (cnpg_pg_database_size_bytes)"},
            unit="bytes",
        ),
    )
    page = Dashboard(name="registry", panels=panels)
    return Watch(targets=targets, rules={"registry": (down,)}, dashboards=(page,))


def object_store_watch(namespace: str, timing: Timing) -> Watch:
    """Return target, alerts and panel of the object store."""
    target = Target(
        name="object-store",
        namespace=namespace,
        labels=object_store.POD_LABELS,
        port=object_store.METRICS_PORT,
        metrics=("versitygw_failed_count", "versitygw_success_count"),
    )
    window = duration(timing.window_seconds)
    failed = 'versitygw_failed_count{status=~"5.."}'
    # Successes and failures are counters of their own; either is born with its first event.
    done = f"(sum(increase(versitygw_success_count[{window}])) or vector(0))"
    rules = (
        alert(
            timing,
            "ObjectStoreDown",
            deployment_down(namespace),
            "The object store is down: no artifact can be read or written",
            f"kubectl -n {namespace} describe pods",
        ),
        alert(
            timing,
            "ObjectStoreErrors",
            f"sum(increase({failed}[{window}])) / ({done} + sum(increase({failed}[{window}])) > 5) > 0.01",
            "{{ $value | humanizePercentage }} of the requests to the object store end in a server error",
            f"kubectl -n {namespace} logs deployment/object-store; is its volume full?",
            severity="warning",
            share=0.1,
        ),
    )
    short = duration(timing.burns[0].short_seconds)
    requests = Panel(
        title="Requests at the object store",
        queries={
            "{{action}}": f"sum by (action) (rate(versitygw_success_count[{short}]))",
            "failed {{action}} {{status}}": (
                f"sum by (action, status) (rate(versitygw_failed_count[{short}]))"
            ),
        },
        unit="reqps",
    )
    page = Dashboard(name="pipelines", panels=(requests,))
    return Watch(targets=(target,), rules={"object-store": rules}, dashboards=(page,))
