"""`make bench`: memory, seconds and requests per second of an instance of its own; table and JSON."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

from cluster import prerequisites
from cluster.errors import ClusterError
from cluster.instance import Instance
from harness import chain, memory
from harness.bench import overheads, phases, serving
from harness.bench.closed_loop import LoadError
from harness.bench.readiness import measure_apply_to_ready
from harness.bench.report import table
from harness.bench.rest import wait_until_at_rest
from infra.engine import events
from upstream.cache import cache_root
from workloads import gateway_access, lineage
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_service import version_service

_INSTANCE = "bench"


class BenchError(Exception):
    """A stage of the benchmark failed; the text names it."""


def run_timed(*command: str) -> float:
    """Run a module of this repository for the benchmark's instance; return the seconds that it took.

    Raises:
        BenchError: it failed.
    """
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *command], check=False)
    if done.returncode:
        raise BenchError(f"`python -m {' '.join(command)}` failed with exit {done.returncode}; see above")
    return time.monotonic() - began


def _install(instance: Instance) -> dict[str, Any]:
    """Start an empty cluster, install the platform, and install it again."""
    cluster_seconds = run_timed("cluster", "up")
    first_seconds = run_timed("infra", "up")
    log = instance.folder / "pulumi" / "events.jsonl"
    first = events.summarise(events.read(log))
    again_seconds = run_timed("infra", "up")
    again = events.summarise(events.read(log))
    return {
        "cluster_seconds": cluster_seconds,
        "up_seconds": first_seconds,
        "up_engine_seconds": first.seconds,
        "up_resources": first.changed,
        "up_failed": len(first.failed),
        "up_retried": len(first.retried),
        "noop_up_seconds": again_seconds,
        "noop_up_changes": again.changed,
    }


def _measure_memory(instance: Instance, endpoints: Endpoints) -> dict[str, Any]:
    rows = memory.of_instance(instance, endpoints.kubeconfig)
    return {
        "resident_mib": sum(row.resident for row in rows),
        "proportional_mib": sum(row.proportional for row in rows),
        "components": [asdict(row) for row in rows],
    }


def _measure_chain(endpoints: Endpoints) -> dict[str, Any]:
    """Run the reference pipeline on data that the new platform has never seen."""
    run = chain.run(endpoints, "wine")
    return {
        "seconds": run.seconds,
        "steps": {step.name: step.seconds for step in run.steps},
        "phases": {kind: asdict(each) for kind, each in phases.measure(endpoints, run.run_id).items()},
    }


def _find_served(instance: Instance, endpoints: Endpoints) -> serving.Served:
    served = lineage.trace(endpoints, "wine").served
    evidence = lineage.read_held_back(endpoints, served.mlflow_run_id)
    service = version_service("wine", served.model_version)
    headers = gateway_access.headers(endpoints, endpoints.model_host("wine"))
    return serving.find_served(instance, "wine", service, headers, evidence.rows[0])


def _measure(instance: Instance, report: dict[str, Any]) -> None:
    """Measure stage after stage into the report, so that a stage that fails takes no other along."""
    report["install"] = _install(instance)
    endpoints = Endpoints.of_stack("local")
    wait_until_at_rest(instance)
    report["memory"] = _measure_memory(instance, endpoints)
    report["chain"] = _measure_chain(endpoints)
    report["apply_to_ready_seconds"] = measure_apply_to_ready(endpoints, "wine")
    served = _find_served(instance, endpoints)
    report["serving"] = serving.rows(serving.measure(served))
    report["mixed_columns"] = serving.rows(serving.measure_mixed_columns(served))
    run_id = lineage.trace(endpoints, "wine").served.mlflow_run_id
    report["added"] = []
    for each in overheads.measure(instance, endpoints, served, run_id):
        report["added"].append(asdict(each))


def main() -> int:
    """Measure a fresh instance and remove it; write what was measured, and print the table if that is all."""
    os.environ["PLINTH_INSTANCE"] = _INSTANCE
    instance = Instance(_INSTANCE)
    report: dict[str, Any] = {}
    try:
        prerequisites.ensure(print, prerequisites.LOAD_PACKAGES)
        _measure(instance, report)
    except (BenchError, ClusterError, LoadError, WorkloadsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        run_timed("cluster", "down")
        if report:
            _write(report)
    print("\n".join(table(report)))
    return 0


def _write(report: dict[str, Any]) -> None:
    target = cache_root() / "reports" / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=1) + "\n")
    print(f"report: {target}")
