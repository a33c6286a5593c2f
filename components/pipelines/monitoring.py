"""Scrape targets, alerts and dashboard of Kubeflow Pipelines."""

from collections.abc import Mapping

from components.monitoring.dashboards import Dashboard, Panel
from components.monitoring.rules import Alert, alert, deployment_down, in_namespaces
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch
from components.pipelines import argo_workflows, pipelines_api_server
from workloads.contract import of_team


def watch(servers: Mapping[str, str], timing: Timing, *, database: str | None) -> Watch:
    """Return targets, alerts and dashboard of the pipelines of the stack and of its teams.

    Args:
        servers: team -> namespace of its servers; the stack's own, of no team, come first.
        timing: durations of the stack's monitoring.
        database: Deployment of the pipelines' database, if it runs in the first namespace; its alert is
            in `database_watch`.
    """
    namespaces = tuple(servers.values())
    return Watch(
        targets=tuple(each for team, namespace in servers.items() for each in _targets(team, namespace)),
        rules={"pipelines": _alerts(namespaces, timing, database)},
        dashboards=(_dashboard(namespaces, duration(timing.burns[0].short_seconds)),),
    )


def database_watch(namespace: str, timing: Timing, database: str) -> Watch:
    """Return the alert of the pipelines' database, where it runs in the cluster."""
    down = alert(
        timing,
        "PipelinesDatabaseDown",
        deployment_down(namespace, others=f',deployment="{database}"'),
        "The database of Kubeflow Pipelines is down: runs neither start nor end",
        f"kubectl -n {namespace} describe deployment {database}",
    )
    return Watch(rules={"pipelines": (down,)})


def _targets(team: str, namespace: str) -> tuple[Target, ...]:
    return (
        Target(
            name=of_team("pipelines", team),
            namespace=namespace,
            labels=pipelines_api_server.POD_LABELS,
            port=pipelines_api_server.HTTP_PORT,
            metrics=("run_server_create_requests", "run_server_run_count"),
        ),
        Target(
            name=of_team("workflows", team),
            namespace=namespace,
            labels=argo_workflows.POD_LABELS,
            port=argo_workflows.METRICS_PORT,
            metrics=("argo_workflows_gauge", "argo_workflows_total_count", "argo_workflows_pods_gauge"),
        ),
    )


def _alerts(namespaces: tuple[str, ...], timing: Timing, database: str | None) -> tuple[Alert, ...]:
    window = duration(timing.window_seconds)
    failed = f'argo_workflows_total_count{{{in_namespaces(*namespaces)},phase=~"Failed|Error"}}'
    return (
        alert(
            timing,
            "PipelineRunsFailing",
            # The first failure makes its series, of which `increase` sees no growth.
            f"sum(increase({failed}[{window}])) > 0 or sum({failed} unless {failed} offset {window}) > 0",
            f"A pipeline run failed in the last {window}",
            "The run's page, or `python -m workloads status`, names the step and its reason.",
            severity="warning",
            hold_seconds=0,
        ),
        alert(
            timing,
            "PipelinesDown",
            deployment_down(*namespaces, others=f',deployment!="{database}"' if database else ""),
            "{{ $labels.deployment }} is down: pipelines are not accepted, or do not go on",
            "kubectl -n {{ $labels.namespace }} describe pods",
        ),
    )


def _dashboard(namespaces: tuple[str, ...], window: str) -> Dashboard:
    memory = f"sum by (pod) (pod_memory_working_set_bytes{{{in_namespaces(*namespaces)}}})"
    return Dashboard(
        name="pipelines",
        title="Pipelines",
        panels=(
            Panel(title="Runs by phase, now", queries={"{{phase}}": "sum by (phase) (argo_workflows_gauge)"}),
            Panel(
                title="Runs that entered a phase",
                queries={"{{phase}}": "sum by (phase) (argo_workflows_total_count)"},
            ),
            Panel(
                title="Pods of steps by phase",
                queries={"{{phase}}": "sum by (phase) (argo_workflows_pods_gauge)"},
            ),
            Panel(
                title="Runs asked for and kept",
                queries={
                    "created": f"sum(increase(run_server_create_requests[{window}]))",
                    "kept": "sum(run_server_run_count)",
                },
            ),
            Panel(title="Memory of the pipelines' pods", queries={"{{pod}}": memory}, unit="bytes"),
        ),
    )
