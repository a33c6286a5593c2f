"""Scrape target and alerts of the gateway."""

from components.access.gateway import POD_LABELS
from components.access.traefik_configuration import METRICS_PORT
from components.monitoring.rules import alert, deployment_down
from components.monitoring.targets import Target
from components.monitoring.timing import Timing, duration
from components.monitoring.watch import Watch


def watch(namespace: str, timing: Timing) -> Watch:
    """Return the gateway's target and alerts."""
    target = Target(
        name="gateway",
        namespace=namespace,
        labels=POD_LABELS,
        port=METRICS_PORT,
        metrics=(
            "traefik_entrypoint_requests_total",
            "traefik_open_connections",
            "traefik_service_request_duration_seconds_bucket",
            "traefik_service_request_duration_seconds_count",
            "traefik_service_requests_total",
        ),
    )
    window = duration(timing.window_seconds)
    requests = 'traefik_entrypoint_requests_total{entrypoint=~"web.*"'
    failed = f'sum(increase({requests},code=~"5.."}}[{window}]))'
    rules = (
        alert(
            timing,
            "GatewayDown",
            deployment_down(namespace),
            "The gateway has no pod that answers: nothing is reached from outside",
            f"kubectl -n {namespace} describe pods",
        ),
        alert(
            timing,
            "GatewayErrors",
            # A route whose backend is gone is counted here alone: 503 without endpoints, 500 without Service.
            f"{failed} / (sum(increase({requests}}}[{window}])) > 20) > 0.2",
            "{{ $value | humanizePercentage }} of all requests at the gateway end in a server error",
            "Compare traefik_service_requests_total by service and code.",
            severity="warning",
            share=0.3,
        ),
    )
    return Watch(targets=(target,), rules={"gateway": rules})
