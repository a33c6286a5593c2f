"""Alerts on the platform's parts: databases, registry, pipelines, objects, certificates, disks and GPUs."""

from components.monitoring.rules import Alert, Recording, Rule
from components.monitoring.scope import Scope
from components.monitoring.timing import Timing, duration

CERTIFICATE = "plinth_certificate:expiry:timestamp_seconds"
_AVAILABLE = "kube_deployment_status_replicas_available"
_FREE_SHARE = 0.1
_EXPIRY_DAYS = 21


def _alert(
    timing: Timing,
    name: str,
    expression: str,
    summary: str,
    remedy: str,
    *,
    severity: str = "critical",
    hold_seconds: int | None = None,
    share: float = 0.0,
) -> Alert:
    """Return an alert; `share` is how much of the counting window must be bad before it is one."""
    hold = timing.hold_seconds if hold_seconds is None else hold_seconds
    needed = round(share * timing.window_seconds)
    return Alert(
        name=name,
        expression=expression,
        severity=severity,
        hold_seconds=hold,
        summary=summary,
        remedy=remedy,
        fires_within_seconds=timing.fires_within_seconds(hold, needed),
    )


def gateway(scope: Scope, timing: Timing) -> list[Rule]:
    """Return the alerts of the entry from outside."""
    window = duration(timing.window_seconds)
    requests = 'traefik_entrypoint_requests_total{entrypoint="web"'
    failed = f'sum(increase({requests},code=~"5.."}}[{window}]))'
    return [
        _alert(
            timing,
            "GatewayDown",
            f'{_AVAILABLE}{{namespace="{scope.gateway}"}} < 1',
            "The gateway has no pod that answers: nothing is reached from outside",
            f"kubectl -n {scope.gateway} describe pods",
        ),
        _alert(
            timing,
            "GatewayErrors",
            # A route whose backend is gone is counted here alone: 503 without endpoints, 500 without Service.
            f"{failed} / (sum(increase({requests}}}[{window}])) > 20) > 0.2",
            "{{ $value | humanizePercentage }} of all requests at the gateway end in a server error",
            "Compare traefik_service_requests_total by service and code.",
            severity="warning",
            share=0.3,
        ),
    ]


def serving(scope: Scope, timing: Timing) -> list[Rule]:
    """Return the alerts of predictors and their controller, beside those of their objectives."""
    return [
        _alert(
            timing,
            "PredictorDown",
            f'{_AVAILABLE}{{namespace="{scope.models}"}} < 1',
            "{{ $labels.deployment }} has no pod that answers",
            f"kubectl -n {scope.models} describe pods; without the model's artifact a pod never starts.",
        ),
        _alert(
            timing,
            "ServingControllerDown",
            f'{_AVAILABLE}{{namespace="{scope.serving}"}} < 1',
            "KServe's controller is down: models keep serving, none can be deployed or restarted",
            f"kubectl -n {scope.serving} describe pods",
        ),
    ]


def pipelines(scope: Scope, timing: Timing) -> list[Rule]:
    """Return the alerts of pipelines, their database included."""
    window = duration(timing.window_seconds)
    failed = f'argo_workflows_total_count{{namespace="{scope.pipelines}",phase=~"Failed|Error"}}'
    database = scope.pipelines_database
    others = f',deployment!="{database}"' if database else ""
    down = f'{_AVAILABLE}{{namespace="{scope.pipelines}"{others}}} < 1'
    found: list[Rule] = [
        _alert(
            timing,
            "PipelineRunsFailing",
            # The first failure makes its series, of which `increase` sees no growth.
            f"sum(increase({failed}[{window}])) > 0 or sum({failed} unless {failed} offset {window}) > 0",
            f"A pipeline run failed in the last {window}",
            "The run's page, or `python -m workloads status`, names the step and its reason.",
            severity="warning",
            hold_seconds=0,
        ),
        _alert(
            timing,
            "PipelinesDown",
            down,
            "{{ $labels.deployment }} is down: pipelines are not accepted, or do not go on",
            f"kubectl -n {scope.pipelines} describe pods",
        ),
    ]
    if database:
        found.append(
            _alert(
                timing,
                "PipelinesDatabaseDown",
                f'{_AVAILABLE}{{namespace="{scope.pipelines}",deployment="{database}"}} < 1',
                "The database of Kubeflow Pipelines is down: runs neither start nor end",
                f"kubectl -n {scope.pipelines} describe deployment {database}",
            )
        )
    return found


def registry(scope: Scope, timing: Timing) -> list[Rule]:
    """Return the alerts of MLflow and its database."""
    window = duration(timing.window_seconds)
    failed = f'sum(increase(mlflow_http_request_total{{status=~"5.."}}[{window}]))'
    found: list[Rule] = [
        _alert(
            timing,
            "RegistryDown",
            f'{_AVAILABLE}{{namespace="{scope.tracking}"}} < 1',
            "MLflow is down: runs are not recorded, models not registered",
            f"kubectl -n {scope.tracking} describe pods",
        ),
        _alert(
            timing,
            "RegistryErrors",
            f"{failed} / (sum(increase(mlflow_http_request_total[{window}])) > 5) > 0.05",
            "{{ $value | humanizePercentage }} of the requests to MLflow end in a server error",
            f"kubectl -n {scope.tracking} logs deployment/mlflow; is its database reachable?",
            severity="warning",
            share=0.1,
        ),
    ]
    if scope.postgres:
        found.append(
            _alert(
                timing,
                "TrackingDatabaseDown",
                # A database that is gone says nothing at all.
                f'(sum(cnpg_collector_up{{namespace="{scope.postgres}"}}) or vector(0)) < 1',
                "No instance of MLflow's database answers",
                f"kubectl -n {scope.postgres} get clusters.postgresql.cnpg.io,pods",
            )
        )
    return found


def object_store(scope: Scope, timing: Timing) -> list[Rule]:
    """Return the alerts of the object store, if it runs in the cluster."""
    if not scope.object_store:
        return []
    window = duration(timing.window_seconds)
    failed = 'versitygw_failed_count{status=~"5.."}'
    # Successes and failures are counters of their own; either is born with its first event.
    done = f"(sum(increase(versitygw_success_count[{window}])) or vector(0))"
    return [
        _alert(
            timing,
            "ObjectStoreDown",
            f'{_AVAILABLE}{{namespace="{scope.object_store}"}} < 1',
            "The object store is down: no artifact can be read or written",
            f"kubectl -n {scope.object_store} describe pods",
        ),
        _alert(
            timing,
            "ObjectStoreErrors",
            f"sum(increase({failed}[{window}])) / ({done} + sum(increase({failed}[{window}])) > 5) > 0.01",
            "{{ $value | humanizePercentage }} of the requests to the object store end in a server error",
            f"kubectl -n {scope.object_store} logs deployment/object-store; is its volume full?",
            severity="warning",
            share=0.1,
        ),
    ]


def certificates(expiries: dict[str, int], timing: Timing) -> list[Rule]:
    """Return when each certificate expires, and the alerts before it does.

    Args:
        expiries: certificate -> seconds since 1970.
        timing: durations.
    """
    known: list[Rule] = [
        Recording(record=CERTIFICATE, expression=f'label_replace(vector({at}), "name", "{name}", "", "")')
        for name, at in sorted(expiries.items())
    ]
    clients = "apiserver_client_certificate_expiration_seconds_bucket"
    days = _EXPIRY_DAYS * 86400
    return [
        *known,
        _alert(
            timing,
            "CertificateExpires",
            f"{CERTIFICATE} - time() < {days}",
            "The certificate {{ $labels.name }} expires in {{ $value | humanizeDuration }}",
            "Remove its keys from the stack's configuration: the next `pulumi up` makes new ones.",
            severity="warning",
        ),
        _alert(
            timing,
            "ClientCertificateExpires",
            # Of the certificates with which clients called the API server.
            f"histogram_quantile(0.01, sum by (le) (increase({clients}[1h]))) < {7 * 86400}",
            "A client calls the Kubernetes API with a certificate that expires within a week",
            "Renew the certificates of kubelets and administrators.",
            severity="warning",
        ),
    ]


def nodes(timing: Timing) -> list[Rule]:
    """Return the alerts of disks and memory."""
    return [
        _alert(
            timing,
            "NodeDiskFilling",
            f"node_filesystem_avail_bytes / node_filesystem_size_bytes < {_FREE_SHARE}",
            "The disk of {{ $labels.node }} has {{ $value | humanizePercentage }} left",
            "Delete images and volumes that nothing uses, or grow the disk: the kubelet evicts pods soon.",
        ),
        _alert(
            timing,
            "NodeMemoryLow",
            "node_memory_MemAvailable_bytes / node_memory_MemTotal_bytes < 0.05",
            "{{ $labels.node }} has {{ $value | humanizePercentage }} of its memory left",
            "kubectl top pods --all-namespaces --sort-by=memory",
            severity="warning",
        ),
    ]


def gpus(timing: Timing) -> list[Rule]:
    """Return the alert of pods that wait for a GPU."""
    pending = 'kube_pod_status_phase{phase="Pending"} == 1'
    asks = 'sum by (namespace, pod) (kube_pod_container_resource_requests{resource="nvidia_com_gpu"})'
    return [
        _alert(
            timing,
            "GpuPodsPending",
            f"{asks} and on (namespace, pod) {pending}",
            "{{ $labels.namespace }}/{{ $labels.pod }} waits for {{ $value }} GPUs",
            "kubectl describe the pod; is a pool at its maximum, out of capacity, or without that GPU?",
            severity="warning",
            hold_seconds=timing.pending_seconds,
        )
    ]


def monitoring(timing: Timing) -> list[Rule]:
    """Return the alerts on what should tell of everything else."""
    window = duration(timing.window_seconds)
    return [
        _alert(
            timing,
            "TargetDown",
            "up == 0",
            "{{ $labels.job }} at {{ $labels.instance }} gives no metrics: no alert of it can fire",
            "The targets of Prometheus name the error; often a network policy or a port.",
            severity="warning",
        ),
        _alert(
            timing,
            "PodRestarting",
            f"increase(kube_pod_container_status_restarts_total[{window}]) > 3",
            "{{ $labels.namespace }}/{{ $labels.pod }} restarted more than three times",
            "kubectl logs --previous",
            severity="warning",
            hold_seconds=0,
        ),
        _alert(
            timing,
            "RulesFailing",
            f"sum(increase(prometheus_rule_evaluation_failures_total[{window}])) > 0",
            "A rule cannot be evaluated: its alert never fires",
            "The rules of Prometheus name the error.",
            hold_seconds=0,
        ),
        _alert(
            timing,
            "NotificationsFailing",
            f"sum by (integration) (increase(alertmanager_notifications_failed_total[{window}])) > 0",
            "Alerts do not reach their receivers by {{ $labels.integration }}",
            "Alertmanager's log names the error.",
            severity="warning",
            hold_seconds=0,
        ),
    ]
