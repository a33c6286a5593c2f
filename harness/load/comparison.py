"""Figures of a load report that decide nothing: saturation compared with a bare app, memory of monitoring."""

from collections.abc import Iterable
from typing import Final

from cluster.instance import Instance
from delivery.candidate import Candidate
from harness.bench import serving
from harness.memory import Memory
from loadtests.report import Saturation
from workloads import gateway_access, lineage
from workloads.endpoints import Endpoints

GOAL: Final = 0.8
"""Goal for the requests per second of the whole serving path, as a share of a bare app's."""
_CONNECTIONS: Final = 8


def compare_with_bare_app(endpoints: Endpoints, instance: Instance, candidate: Candidate) -> Saturation:
    """Measure the highest request rate through the gateway, and of a bare app with the same model.

    Raises:
        LoadError: the candidate's processes were not found, or a request failed.
        ClusterError: the instance is not running on this machine.
    """
    row = lineage.read_held_back(endpoints, candidate.mlflow_run_id).rows[0]
    headers = gateway_access.headers(endpoints, endpoints.model_host(candidate.service))
    served = serving.find_served(instance, candidate.model_name, candidate.service, headers, row)
    gateway, bare = serving.measure_saturation(served, connections=_CONNECTIONS)
    return Saturation(
        connections=_CONNECTIONS,
        gateway_per_second=gateway,
        bare_per_second=bare,
        ratio=gateway / bare,
        goal=GOAL,
        p99_ms_at_half=None,
    )


def monitoring_mib(rows: Iterable[Memory]) -> float | None:
    """Return the resident memory of the pods in the namespace `monitoring`; None if there are none."""
    resident = [row.resident for row in rows if row.component.startswith("monitoring/")]
    return round(sum(resident), 1) if resident else None
