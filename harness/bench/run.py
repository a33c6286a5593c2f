"""`make bench`: memory, seconds and requests per second of a platform of its own; table and JSON."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict
from typing import Any

from kubernetes import client, config

from cluster import prerequisites
from cluster.errors import ClusterError
from cluster.instance import Instance
from cluster.wait import wait_for
from harness import memory, processes, serving_bench
from harness.bench.closed_loop import LoadError
from infra.engine import events
from upstream.cache import cache_root
from workloads import datasets, lineage, pipeline_runs
from workloads import endpoints as platform_endpoints
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

_INSTANCE = "bench"
_READY_SECONDS = 120
_REST_SECONDS = 180
# An idle platform spends a fifth of a CPU on its probes and watches; one that starts spends all there is.
_CPUS_AT_REST = 0.5


class BenchError(Exception):
    """A stage of the benchmark failed; the text names it."""


def _timed(*command: str) -> float:
    """Run a command of this repository for the benchmark's instance; return its seconds."""
    began = time.monotonic()
    done = subprocess.run([sys.executable, "-m", *command], check=False)
    if done.returncode:
        raise BenchError(f"`python -m {' '.join(command)}` failed with exit {done.returncode}; see above")
    return time.monotonic() - began


def _install(instance: Instance) -> dict[str, Any]:
    """Start an empty cluster, install, and install again."""
    cluster_seconds = _timed("cluster", "up")
    first_seconds = _timed("infra", "up")
    log = instance.folder / "pulumi" / "events.jsonl"
    first = events.summarise(events.read(log))
    again_seconds = _timed("infra", "up")
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


def _come_to_rest(instance: Instance) -> None:
    """Wait until start-up work is over, as the CPU time of the instance's processes shows."""
    spent = {pid: processes.cpu_seconds(pid) for pid in memory.members(instance)}
    moment = time.monotonic()

    def busy() -> str | None:
        nonlocal spent, moment
        before, began = spent, moment
        spent, moment = (
            {pid: processes.cpu_seconds(pid) for pid in memory.members(instance)},
            time.monotonic(),
        )
        cpus = sum(spent[pid] - before.get(pid, 0.0) for pid in spent) / max(moment - began, 0.1)
        return None if 0 < cpus < _CPUS_AT_REST else f"{cpus:.2f} CPUs busy"

    wait_for("rest", busy, timeout_seconds=_REST_SECONDS, interval_seconds=5)


def _memory(instance: Instance, endpoints: Endpoints) -> dict[str, Any]:
    rows = memory.of_instance(instance, endpoints.kubeconfig)
    return {
        "resident_mib": sum(row.resident for row in rows),
        "proportional_mib": sum(row.proportional for row in rows),
        "components": [asdict(row) for row in rows],
    }


def _chain(endpoints: Endpoints) -> dict[str, Any]:
    """Run the reference pipeline on data it has never seen."""
    dataset = datasets.prepare(endpoints, "wine", "target")
    run_id = pipeline_runs.submit(endpoints, "train_register_serve", pipeline_runs.parameters(dataset))
    run = pipeline_runs.finished(endpoints, run_id, timeout_seconds=900)
    if run.state != pipeline_runs.SUCCEEDED:
        raise BenchError(f"pipeline run {run_id}: {run.state}: {run.reason}")
    return {"seconds": run.seconds, "steps": {step.name: step.seconds for step in run.steps}}


def _apply_to_ready(endpoints: Endpoints) -> float:
    """Return the seconds from applying an inference service to its being Ready: a copy of the served one."""
    served = lineage.inference_service(endpoints, "wine")
    if served is None:
        raise BenchError("the wine model is not served")
    api = client.CustomObjectsApi(config.new_client_from_config(endpoints.kubeconfig))
    kind = ("serving.kserve.io", "v1beta1", endpoints.models_namespace, "inferenceservices")
    body = {
        "apiVersion": served["apiVersion"],
        "kind": served["kind"],
        "metadata": {"name": "bench", "annotations": {"serving.kserve.io/autoscalerClass": "none"}},
        "spec": served["spec"],
    }
    began = time.monotonic()
    api.create_namespaced_custom_object(*kind, body)
    try:

        def ready() -> str | None:
            found: Any = api.get_namespaced_custom_object(*kind, "bench")
            conditions = {
                each["type"]: each["status"] for each in found.get("status", {}).get("conditions", [])
            }
            return None if conditions.get("Ready") == "True" else str(conditions)

        wait_for("inference service", ready, timeout_seconds=_READY_SECONDS)
        return time.monotonic() - began
    finally:
        api.delete_namespaced_custom_object(*kind, "bench")


def _served(instance: Instance, endpoints: Endpoints) -> serving_bench.Served:
    evidence = lineage.held_back(endpoints, lineage.trace(endpoints, "wine").annotations["mlflow-run-id"])
    return serving_bench.served(instance, "wine", endpoints.model_host("wine"), evidence.rows[0])


def table(report: dict[str, Any]) -> list[str]:
    """Return the report as lines for people."""
    install, chain = report["install"], report["chain"]
    lines = [
        f"idle memory         {report['memory']['resident_mib']:7.0f} MiB resident, "
        f"{report['memory']['proportional_mib']:.0f} MiB proportional",
        *(
            f"  {row['component']:44}{row['resident']:7.0f} MiB {row['proportional']:7.0f} MiB"
            for row in report["memory"]["components"]
        ),
        f"cluster up          {install['cluster_seconds']:7.1f} s",
        f"pulumi up, fresh    {install['up_seconds']:7.1f} s, {install['up_resources']} resources, "
        f"{install['up_failed']} failed, {install['up_retried']} retried",
        f"pulumi up, again    {install['noop_up_seconds']:7.1f} s, {install['noop_up_changes']} changes",
        f"chain               {chain['seconds']:7.1f} s",
        *(f"  {name:18}{seconds:7.1f} s" for name, seconds in chain["steps"].items()),
        f"apply to Ready      {report['apply_to_ready_seconds']:7.1f} s",
        f"{'target':24}{'conn':>5}{'rps':>8}{'p50 ms':>8}{'p99 ms':>8}{'CPU ms':>8}{'p50 x':>7}{'CPU x':>7}",
    ]
    for row in report["serving"]:
        load = row["load"]
        cpu = row["server_cpu_ms"] + row["gateway_cpu_ms"]
        lines.append(
            f"{row['target']:24}{row['connections']:5}{load['requests_per_second']:8.0f}{load['p50_ms']:8.2f}"
            f"{load['p99_ms']:8.2f}{cpu:8.2f}{row['p50_ratio']:7.2f}{row['cpu_ratio']:7.2f}"
        )
    return lines


def _measure(instance: Instance) -> dict[str, Any]:
    install = _install(instance)
    endpoints = platform_endpoints.of_stack("local")
    _come_to_rest(instance)
    return {
        "install": install,
        "memory": _memory(instance, endpoints),
        "chain": _chain(endpoints),
        "apply_to_ready_seconds": _apply_to_ready(endpoints),
        "serving": serving_bench.rows(serving_bench.measure(_served(instance, endpoints))),
    }


def main() -> int:
    """Measure a fresh instance, print the table, write the JSON, and remove the instance."""
    os.environ["PLINTH_INSTANCE"] = _INSTANCE
    instance = Instance(_INSTANCE)
    try:
        prerequisites.ensure(print, prerequisites.LOAD_PACKAGES)
        report = _measure(instance)
    except (BenchError, ClusterError, LoadError, WorkloadsError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    finally:
        _timed("cluster", "down")
    target = cache_root() / "reports" / "bench.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=1) + "\n")
    print("\n".join(table(report)))
    print(f"report: {target}")
    return 0
