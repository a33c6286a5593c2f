"""Whether what is scraped is there: by the stack's own objects before it runs, by Prometheus once it does."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, cast

import httpx

from tests.harness.recorder import Registration

# Controllers make the pods of these; whether they are reached shows when they run.
MADE_BY_CONTROLLERS = frozenset(
    {"alertmanager", "dns", "postgres", "postgres-operator", "predictors", "prometheus"}
)
_SECONDS = 10


@dataclass(frozen=True, kw_only=True)
class _Pods:
    namespace: str
    labels: dict[str, str]
    ports: frozenset[int]


def _pods(registrations: Iterable[Registration]) -> list[_Pods]:
    found: list[_Pods] = []
    for each in registrations:
        template: dict[str, Any] = each.inputs.get("spec", {}).get("template", {})
        if not each.type.startswith("kubernetes:apps/") or not template:
            continue
        containers = [*template["spec"].get("containers", []), *template["spec"].get("initContainers", [])]
        ports = {int(port["containerPort"]) for one in containers for port in one.get("ports", [])}
        namespace = each.inputs["metadata"].get("namespace", "default")
        found.append(
            _Pods(namespace=namespace, labels=template["metadata"]["labels"], ports=frozenset(ports))
        )
    return found


def unreached(registrations: Iterable[Registration]) -> list[str]:
    """Return the monitors of a recorded stack that select no pod, or a port that its pods do not have."""
    everything = list(registrations)
    pods = _pods(everything)
    faults: list[str] = []
    for each in everything:
        if not each.type.endswith(":PodMonitor") or each.inputs["metadata"]["name"] in MADE_BY_CONTROLLERS:
            continue
        name, spec = each.inputs["metadata"]["name"], cast("dict[str, Any]", each.inputs["spec"])
        namespaces: list[str] = spec["namespaceSelector"]["matchNames"]
        wanted: dict[str, str] = spec["selector"]["matchLabels"]
        port = int(spec["podMetricsEndpoints"][0]["portNumber"])
        selected = [
            pod for pod in pods if pod.namespace in namespaces and wanted.items() <= pod.labels.items()
        ]
        if not selected:
            faults.append(f"{name}: no pod in {', '.join(namespaces)} has the labels {wanted}")
        elif not any(port in pod.ports for pod in selected):
            known = sorted({port for pod in selected for port in pod.ports})
            faults.append(f"{name}: its pods have the ports {known}, not {port}")
    return faults


def down(prometheus_url: str, headers: dict[str, str] | None = None) -> list[str]:
    """Return the targets that Prometheus does not get an answer of, and why."""
    answer = httpx.get(f"{prometheus_url}/api/v1/targets", headers=headers, timeout=_SECONDS)
    answer.raise_for_status()
    active: list[dict[str, Any]] = answer.json()["data"]["activeTargets"]
    return [
        f"{target['labels']['job']} at {target['scrapeUrl']}: {target['lastError'] or target['health']}"
        for target in active
        if target["health"] != "up"
    ]


def without_samples(
    prometheus_url: str, metrics: Iterable[str], headers: dict[str, str] | None = None
) -> list[str]:
    """Return the metrics of which Prometheus holds no sample."""
    answer = httpx.get(f"{prometheus_url}/api/v1/label/__name__/values", headers=headers, timeout=_SECONDS)
    answer.raise_for_status()
    known: list[str] = answer.json()["data"]
    return sorted(set(metrics) - set(known))
