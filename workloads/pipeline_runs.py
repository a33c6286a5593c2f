"""Pipeline runs: submit one, wait for its end, report why it failed or waits and how long each step took.

The reason is in the log of the failed step, which the object store keeps after the pod is gone, and in the
nodes of the Argo workflow, from where the API's answers have it too.
"""

import base64
import gzip
import itertools
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import requests
from kubernetes import client
from urllib3.exceptions import HTTPError

from workloads import cluster_client, failure_reasons, object_store
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.gateway_access import direct_session
from workloads.pipelines.compiled import compiled
from workloads.pipelines.run_requests import recurring_run_body, run_body
from workloads.wait import wait

SUCCEEDED: Final = "SUCCEEDED"
TERMINAL: Final = frozenset({SUCCEEDED, "SKIPPED", "FAILED", "CANCELED"})
# A workflow with all its nodes is large, so it is read less often than the run.
_READS_PER_WORKFLOW_READ: Final = 4
_MOST_SCHEDULES: Final = 200
_FAILED_PHASES: Final = frozenset({"Failed", "Error"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a pipeline run."""

    name: str
    """Task name in the pipeline."""
    phase: str
    """Argo's phase: Succeeded, Failed, Error, Omitted, or still Running."""
    cached: bool
    """Whether its outputs came from an earlier run."""
    seconds: float
    """From the start of its driver to its end."""
    waits: str = ""
    """Why its pod cannot start; empty if nothing keeps it."""


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """A pipeline run that has ended."""

    run_id: str
    """Id in Kubeflow Pipelines."""
    state: str
    """One of TERMINAL."""
    reason: str
    """Why it did not succeed, in one line that begins with the step; empty if it succeeded."""
    seconds: float
    """From submission to end."""
    steps: tuple[Step, ...]
    """Steps in the order in which they started."""


def _api(endpoints: Endpoints, method: str, path: str, **arguments: Any) -> dict[str, Any]:
    """Call the Kubeflow Pipelines API through the gateway."""
    host = endpoints.pipelines_host
    with direct_session(endpoints, host) as session:
        url = f"{endpoints.url(host)}/apis/v2beta1/{path}"
        response = session.request(method, url, timeout=30, **arguments)
    if not response.ok:
        detail = response.text.strip().splitlines() or [response.reason]
        raise WorkloadsError(
            f"pipelines API: {method} {path}: HTTP {response.status_code}: {detail[0][:300]}"
        )
    return response.json()


def submit(endpoints: Endpoints, name: str, arguments: Mapping[str, Any], *, cache: bool = True) -> str:
    """Submit a run of a pipeline and return its id.

    Args:
        endpoints: The platform.
        name: The pipeline.
        arguments: Inputs of the pipeline.
        cache: Whether steps may reuse the outputs of earlier runs with the same inputs.
    """
    spec, platform = compiled(name, endpoints.workload_image)
    if not cache:
        for task in spec["root"]["dag"]["tasks"].values():
            task["cachingOptions"] = {}
    body = run_body(name, spec, platform, arguments)
    try:
        return _api(endpoints, "POST", "runs", json=body)["run_id"]
    except requests.RequestException as error:
        raise WorkloadsError(
            f"pipelines API at {endpoints.gateway_url}: {type(error).__name__}; is the platform up?"
        ) from None


def schedule(endpoints: Endpoints, name: str, arguments: Mapping[str, Any], *, seconds: int) -> str:
    """Let a pipeline run again and again, in place of an earlier schedule of the same pipeline and model.

    Args:
        endpoints: The platform.
        name: The pipeline.
        arguments: Inputs of each run.
        seconds: From one run to the next; 0 for no more runs.

    Returns:
        The id of the recurring run; empty if there is none any more.
    """
    spec, platform = compiled(name, endpoints.workload_image)
    body = recurring_run_body(run_body(name, spec, platform, arguments), seconds)
    try:
        known = _api(endpoints, "GET", "recurringruns", params={"page_size": _MOST_SCHEDULES})
        former = [
            each["recurring_run_id"]
            for each in known.get("recurringRuns", [])
            if each["display_name"] == body["display_name"]
        ]
        made = _api(endpoints, "POST", "recurringruns", json=body)["recurring_run_id"] if seconds else ""
        for each in former:
            _api(endpoints, "DELETE", f"recurringruns/{each}")
    except requests.RequestException as error:
        raise WorkloadsError(
            f"pipelines API at {endpoints.gateway_url}: {type(error).__name__}; is the platform up?"
        ) from None
    return made


def wait_until_finished(
    endpoints: Endpoints,
    run_id: str,
    *,
    timeout_seconds: float = 600,
    show: Callable[[tuple[Step, ...]], None] | None = None,
) -> PipelineRun:
    """Wait until a run has ended, successfully or not, and return its result.

    Args:
        endpoints: The platform.
        run_id: The run.
        timeout_seconds: How long to wait.
        show: Called from time to time with the steps that have started.
    """
    reads = itertools.count()

    def read() -> dict[str, Any]:
        # A restart of the API server or the database fails one read, not the run.
        try:
            if show is not None and next(reads) % _READS_PER_WORKFLOW_READ == 0:
                with suppress(client.ApiException, HTTPError):
                    show(steps(_nodes(endpoints, run_id)))
            return _api(endpoints, "GET", f"runs/{run_id}")
        except (requests.RequestException, WorkloadsError) as error:
            return {"state": f"unknown ({error})"}

    def describe(status: dict[str, Any]) -> str:
        """Say what keeps the run; the status itself repeats the whole pipeline."""
        waiting: list[str] = []
        with suppress(client.ApiException, HTTPError):
            waiting = [
                f"{each.name} waits: {each.waits}" for each in steps(_nodes(endpoints, run_id)) if each.waits
            ]
        return "; ".join([str(status.get("state")), *waiting])

    run = wait(
        f"pipeline run {run_id}",
        read,
        ready=lambda status: status.get("state") in TERMINAL,
        describe=describe,
        timeout_seconds=timeout_seconds,
    )
    nodes = _nodes(endpoints, run_id)
    state = str(run["state"])
    said = failure_reasons.one_line((run.get("error") or {}).get("message", ""))
    why = "" if state == SUCCEEDED else _failure_reason(endpoints, run_id, nodes) or said or f"ended {state}"
    return PipelineRun(
        run_id=run_id,
        state=state,
        reason=why,
        seconds=_seconds(run.get("created_at"), run.get("finished_at")),
        steps=steps(nodes),
    )


def _nodes(endpoints: Endpoints, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the nodes of a run's Argo workflow; empty if the workflow is gone."""
    api: Any = client.CustomObjectsApi(cluster_client.connect(endpoints.kubeconfig))
    workflows = cast(
        "dict[str, Any]",
        api.list_namespaced_custom_object(
            "argoproj.io",
            "v1alpha1",
            endpoints.pipelines_namespace,
            "workflows",
            label_selector=f"pipeline/runid={run_id}",
        ),
    )
    return nodes_of(workflows["items"][0]) if workflows["items"] else {}


def nodes_of(workflow: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the nodes of an Argo workflow, which Argo compresses if they are many."""
    status = workflow.get("status", {})
    if packed := status.get("compressedNodes"):
        return json.loads(gzip.decompress(base64.b64decode(packed)))
    return status.get("nodes", {})


def steps(nodes: Mapping[str, Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps that have started, from the nodes of a workflow; its root is the run, not a step."""
    drivers = {
        str(node["displayName"]).removesuffix("-driver"): node
        for node in nodes.values()
        if node.get("type") == "Pod" and str(node.get("displayName")).endswith("-driver")
    }
    drivers.pop("root", None)
    steps_by_start: list[tuple[str, Step]] = []
    for name, driver in drivers.items():
        step = next((node for node in nodes.values() if node.get("displayName") == name), driver)
        children = [nodes[child] for child in step.get("children", []) if child in nodes]
        executors = [child for child in children if str(child.get("displayName")) == "executor"]
        cached = bool(executors) and all(each.get("type") == "Skipped" for each in executors)
        phase = str(step.get("phase") if driver.get("phase") == "Succeeded" else driver.get("phase"))
        if step is driver and phase == "Succeeded":
            # The node that it drives does not exist yet.
            phase = "Pending"
        seconds = _seconds(driver.get("startedAt"), step.get("finishedAt"))
        began = str(driver.get("startedAt"))
        pending = [each for each in (driver, *executors) if each.get("phase") == "Pending"]
        waits = "; ".join(failure_reasons.waiting(str(each.get("message") or "")) for each in pending)
        made = Step(name=name, phase=phase, cached=cached, seconds=seconds, waits=waits)
        steps_by_start.append((began, made))
    return tuple(step for _, step in sorted(steps_by_start, key=lambda each: each[0]))


def _seconds(began: str | None, ended: str | None) -> float:
    if not began or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


def _failure_reason(endpoints: Endpoints, run_id: str, nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why the first failed pod failed."""
    failed = [
        node for node in nodes.values() if node.get("type") == "Pod" and node.get("phase") in _FAILED_PHASES
    ]
    for node in sorted(failed, key=lambda each: str(each.get("finishedAt"))):
        step = step_of(node, nodes)
        log = _log(endpoints, run_id, node)
        return f"{step}: {failure_reasons.reason(str(node.get('message') or ''), log)}"
    return ""


def step_of(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of the step that a pod belongs to."""
    name = str(node.get("displayName"))
    if name != "executor":
        return name.removesuffix("-driver")
    parents = [each for each in nodes.values() if node.get("id") in each.get("children", [])]
    return str(parents[0]["displayName"]) if parents else name


def _log(endpoints: Endpoints, run_id: str, node: Mapping[str, Any]) -> str:
    """Return the log of a step, from its pod or, once that is gone, from the object store."""
    api: Any = client.CoreV1Api(cluster_client.connect(endpoints.kubeconfig))
    namespace = endpoints.pipelines_namespace
    for pod in api.list_namespaced_pod(namespace, label_selector=f"pipeline/runid={run_id}").items:
        if (pod.metadata.annotations or {}).get("workflows.argoproj.io/node-id") == node.get("id"):
            try:
                return api.read_namespaced_pod_log(
                    pod.metadata.name, namespace, container="main", tail_lines=2000
                )
            except client.ApiException:
                break
    artifacts = node.get("outputs", {}).get("artifacts", [])
    keys = [each["s3"]["key"] for each in artifacts if each.get("name") == "main-logs" and "s3" in each]
    if not keys:
        return ""
    body = object_store.pipelines_store(endpoints).get_object(Bucket=endpoints.pipelines_bucket, Key=keys[0])[
        "Body"
    ]
    return body.read().decode(errors="replace")
