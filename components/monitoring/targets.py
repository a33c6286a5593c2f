"""Scrape targets; only metrics that a rule or a dashboard reads are kept."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from components.monitoring.timing import Timing, duration
from components.shapes import network_policies

_KUBELET_PORT = 10250
_ACCOUNT = "/var/run/secrets/kubernetes.io/serviceaccount"
_API_SERVER = "kubernetes.default.svc:443"
# With Prometheus' own token; a pod's certificate is issued for its Service, not for the address scraped.
_AUTHENTICATED: dict[str, Any] = {
    "scheme": "https",
    "bearerTokenFile": f"{_ACCOUNT}/token",
    "tlsConfig": {"insecureSkipVerify": True},
}


@dataclass(frozen=True, kw_only=True)
class Target:
    """Pods to scrape; `name` becomes the `job` label."""

    name: str
    namespace: str
    labels: Mapping[str, str]
    port: int
    metrics: tuple[str, ...]
    """Metrics to keep; all others are dropped."""
    only: Mapping[str, str] = field(default_factory=dict[str, str])
    """Label -> pattern: series whose label does not match are dropped."""
    of_others: bool = False
    """Whether its series describe other pods, whose labels must be kept."""
    authenticated: bool = False
    """Whether it serves TLS and requires a token with the right to read metrics."""

    def __post_init__(self) -> None:
        """Reject a target without metrics: an empty pattern would keep every series."""
        if not self.metrics:
            raise ValueError(f"metrics: none of {self.name} given; name those that are read")


# Nodes and API servers are not pods and have no PodMonitor.
KUBELET_METRICS = ("pod_cpu_usage_seconds_total", "pod_memory_working_set_bytes")
API_SERVER_METRICS = (
    "apiserver_client_certificate_expiration_seconds_bucket",
    "apiserver_current_inflight_requests",
)


def _kept(metrics: tuple[str, ...]) -> str:
    return "|".join(metrics)


def pod_monitor(target: Target, timing: Timing) -> dict[str, Any]:
    """Return the spec of a PodMonitor."""
    return {
        "namespaceSelector": {"matchNames": [target.namespace]},
        "selector": {"matchLabels": dict(target.labels)},
        "podMetricsEndpoints": [
            {
                "portNumber": target.port,
                "path": "/metrics",
                "interval": duration(timing.scrape_seconds),
                "scrapeTimeout": duration(min(10, timing.scrape_seconds)),
                "honorLabels": target.of_others,
                **(_AUTHENTICATED if target.authenticated else {}),
                "relabelings": [
                    {"targetLabel": "job", "replacement": target.name},
                    {"sourceLabels": ["__meta_kubernetes_pod_node_name"], "targetLabel": "node"},
                    # The pod label identifies the target; every further label costs memory in every series.
                    {"action": "labeldrop", "regex": "container|endpoint"},
                ],
                "metricRelabelings": [
                    {"sourceLabels": ["__name__"], "regex": _kept(target.metrics), "action": "keep"},
                    *(
                        {"sourceLabels": [label], "regex": pattern, "action": "keep"}
                        for label, pattern in target.only.items()
                    ),
                ],
            }
        ],
    }


def additional_scrapes(timing: Timing) -> str:
    """Return the scrape configurations of nodes and the API server."""
    access: dict[str, Any] = {
        "scheme": "https",
        "authorization": {"credentials_file": f"{_ACCOUNT}/token"},
        "scrape_interval": duration(timing.scrape_seconds),
        "scrape_timeout": "10s",
    }
    kubelet = {
        "job_name": "kubelet",
        **access,
        "metrics_path": "/metrics/resource",
        # Kubelets sign their own certificates, unless a cluster approves them.
        "tls_config": {"insecure_skip_verify": True},
        "kubernetes_sd_configs": [{"role": "node"}],
        "relabel_configs": [{"source_labels": ["__meta_kubernetes_node_name"], "target_label": "node"}],
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": _kept(KUBELET_METRICS), "action": "keep"}
        ],
    }
    api_server = {
        "job_name": "api-server",
        **access,
        # Each scrape is megabytes of text, of which almost nothing is kept.
        "scrape_interval": duration(max(60, timing.scrape_seconds)),
        "tls_config": {"ca_file": f"{_ACCOUNT}/ca.crt"},
        "static_configs": [{"targets": [_API_SERVER]}],
        "metric_relabel_configs": [
            {"source_labels": ["__name__"], "regex": _kept(API_SERVER_METRICS), "action": "keep"}
        ],
    }
    return yaml.safe_dump([kubelet, api_server], sort_keys=False)


def egress(targets: Sequence[Target]) -> list[network_policies.EgressRule]:
    """Return the egress rules from Prometheus to its targets."""
    rules = [
        network_policies.egress(
            [network_policies.pods(dict(target.labels), target.namespace)],
            target.port,
        )
        for target in targets
    ]
    nodes = network_policies.egress([network_policies.anywhere()], _KUBELET_PORT)
    return [network_policies.api_server(), nodes, *rules]


def metrics(targets: Sequence[Target]) -> set[str]:
    """Return every metric that is kept of any target."""
    kept = {name for target in targets for name in target.metrics}
    return kept | {*KUBELET_METRICS, *API_SERVER_METRICS, "up"}
