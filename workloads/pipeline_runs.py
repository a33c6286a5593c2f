"""Pipeline runs: submit one, wait for its end, and say why it failed and where its seconds went.

The API of Kubeflow Pipelines keeps no reason of a failure: it is in the nodes of the Argo workflow and in the
log of the step that failed, which outlives its pod in the object store.
"""

import itertools
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, cast

import requests
from kubernetes import client, config
from urllib3.exceptions import HTTPError

from workloads import object_store
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.pipelines.compiled import compiled
from workloads.wait import wait

SUCCEEDED: Final = "SUCCEEDED"
TERMINAL: Final = frozenset({SUCCEEDED, "SKIPPED", "FAILED", "CANCELED"})
# A workflow with all its nodes is large: it is looked at less often than the run.
_READS_PER_LOOK: Final = 4
_FAILED_PHASES: Final = frozenset({"Failed", "Error"})
_EXCEPTION: Final = re.compile(
    r"^(?:[A-Za-z_]\w*\.)*([A-Z]\w*(?:Error|Exception|Exit|Interrupt))(?:: (.*))?$"
)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One step of a pipeline run."""

    name: str
    """Its task."""
    phase: str
    """Where Argo left it: Succeeded, Failed, Error, Omitted, or still Running."""
    cached: bool
    """Whether its outputs were those of an earlier run."""
    seconds: float
    """From the start of its driver to its end."""


@dataclass(frozen=True, kw_only=True)
class PipelineRun:
    """A pipeline run that ended."""

    run_id: str
    """Its id in Kubeflow Pipelines."""
    state: str
    """One of TERMINAL."""
    reason: str
    """Why it did not succeed, in one line that begins with the step; empty if it did."""
    seconds: float
    """From its submission to its end."""
    steps: tuple[Step, ...]
    """Its steps in the order in which they began."""


def _api(endpoints: Endpoints, method: str, path: str, **arguments: Any) -> dict[str, Any]:
    """Call the Kubeflow Pipelines API through the gateway."""
    url = f"{endpoints.gateway_url}/apis/v2beta1/{path}"
    headers = {"Host": endpoints.pipelines_host}
    response = requests.request(method, url, headers=headers, timeout=30, **arguments)
    if not response.ok:
        detail = response.text.strip().splitlines() or [response.reason]
        raise WorkloadsError(
            f"pipelines API: {method} {path}: HTTP {response.status_code}: {detail[0][:300]}"
        )
    return response.json()


def parameters(
    dataset: Dataset,
    *,
    minimum_accuracy: float = 0.9,
    regularization: float = 1.0,
    seed: int = 0,
    candidate: bool = False,
) -> dict[str, Any]:
    """Return the inputs of train_register_serve for a data set."""
    return {
        "data": dataset.data,
        "data_sha256": dataset.sha256,
        "target": dataset.target,
        "model_name": dataset.model_name,
        "minimum_accuracy": minimum_accuracy,
        "regularization": regularization,
        "seed": seed,
        "candidate": candidate,
    }


def submit(endpoints: Endpoints, name: str, arguments: Mapping[str, Any], *, cache: bool = True) -> str:
    """Start a run of a pipeline; return its id.

    Args:
        endpoints: The platform.
        name: The pipeline.
        arguments: Its inputs.
        cache: Whether steps may reuse what earlier runs made of the same inputs.
    """
    spec, platform = compiled(name, endpoints.workload_image)
    if not cache:
        for task in spec["root"]["dag"]["tasks"].values():
            task["cachingOptions"] = {}
    body = {
        "display_name": f"{name} {arguments.get('model_name', '')}".strip(),
        "pipeline_spec": {"pipeline_spec": spec, "platform_spec": platform},
        "runtime_config": {"parameters": dict(arguments)},
    }
    try:
        return _api(endpoints, "POST", "runs", json=body)["run_id"]
    except requests.RequestException as error:
        raise WorkloadsError(
            f"pipelines API at {endpoints.gateway_url}: {type(error).__name__}; is the platform up?"
        ) from None


def finished(
    endpoints: Endpoints,
    run_id: str,
    *,
    timeout_seconds: float = 600,
    show: Callable[[tuple[Step, ...]], None] | None = None,
) -> PipelineRun:
    """Wait until a run has ended in any way; return how.

    Args:
        endpoints: The platform.
        run_id: The run.
        timeout_seconds: How long to wait.
        show: Told the steps that began so far, now and then.
    """
    reads = itertools.count()

    def read() -> dict[str, Any]:
        # A restarted API server or database costs one answer, not the run.
        try:
            if show is not None and next(reads) % _READS_PER_LOOK == 0:
                with suppress(client.ApiException, HTTPError):
                    show(steps(_nodes(endpoints, run_id)))
            return _api(endpoints, "GET", f"runs/{run_id}")
        except (requests.RequestException, WorkloadsError) as error:
            return {"state": f"unknown ({error})"}

    run = wait(
        f"pipeline run {run_id}",
        read,
        ready=lambda status: status.get("state") in TERMINAL,
        timeout_seconds=timeout_seconds,
    )
    nodes = _nodes(endpoints, run_id)
    state = str(run["state"])
    return PipelineRun(
        run_id=run_id,
        state=state,
        reason="" if state == SUCCEEDED else _reason(endpoints, run_id, nodes) or f"ended {state}",
        seconds=_seconds(run.get("created_at"), run.get("finished_at")),
        steps=steps(nodes),
    )


def _nodes(endpoints: Endpoints, run_id: str) -> dict[str, dict[str, Any]]:
    """Return the nodes of the Argo workflow of a run; none if the workflow is gone."""
    api: Any = client.CustomObjectsApi(config.new_client_from_config(endpoints.kubeconfig))
    found = cast(
        "dict[str, Any]",
        api.list_namespaced_custom_object(
            "argoproj.io",
            "v1alpha1",
            endpoints.pipelines_namespace,
            "workflows",
            label_selector=f"pipeline/runid={run_id}",
        ),
    )
    items = found["items"]
    return items[0].get("status", {}).get("nodes", {}) if items else {}


def steps(nodes: Mapping[str, Mapping[str, Any]]) -> tuple[Step, ...]:
    """Return the steps that began, from the nodes of a workflow; the run itself, their root, is none."""
    drivers = {
        str(node["displayName"]).removesuffix("-driver"): node
        for node in nodes.values()
        if node.get("type") == "Pod" and str(node.get("displayName")).endswith("-driver")
    }
    drivers.pop("root", None)
    found: list[tuple[str, Step]] = []
    for name, driver in drivers.items():
        step = next((node for node in nodes.values() if node.get("displayName") == name), driver)
        children = [nodes[child] for child in step.get("children", []) if child in nodes]
        executors = [child for child in children if str(child.get("displayName")) == "executor"]
        cached = bool(executors) and all(each.get("type") == "Skipped" for each in executors)
        phase = str(step.get("phase") if driver.get("phase") == "Succeeded" else driver.get("phase"))
        if step is driver and phase == "Succeeded":
            # What it drives has not been made yet.
            phase = "Pending"
        seconds = _seconds(driver.get("startedAt"), step.get("finishedAt"))
        began = str(driver.get("startedAt"))
        found.append((began, Step(name=name, phase=phase, cached=cached, seconds=seconds)))
    return tuple(step for _, step in sorted(found, key=lambda each: each[0]))


def _seconds(began: str | None, ended: str | None) -> float:
    if not began or not ended:
        return 0.0
    return (datetime.fromisoformat(ended) - datetime.fromisoformat(began)).total_seconds()


def _reason(endpoints: Endpoints, run_id: str, nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return why the first pod that failed did."""
    failed = [
        node for node in nodes.values() if node.get("type") == "Pod" and node.get("phase") in _FAILED_PHASES
    ]
    for node in sorted(failed, key=lambda each: str(each.get("finishedAt"))):
        step = step_of(node, nodes)
        log = _log(endpoints, run_id, node)
        return f"{step}: {exception_in(log) or node.get('message') or 'no message'}"
    return ""


def step_of(node: Mapping[str, Any], nodes: Mapping[str, Mapping[str, Any]]) -> str:
    """Return the name of the step that a pod belongs to."""
    name = str(node.get("displayName"))
    if name != "executor":
        return name.removesuffix("-driver")
    parents = [each for each in nodes.values() if node.get("id") in each.get("children", [])]
    return str(parents[0]["displayName"]) if parents else name


def exception_in(log: str) -> str:
    """Return what the last exception in a step's log says; the class of a ValueError says nothing more."""
    found = [match for line in log.splitlines() if (match := _EXCEPTION.match(line.strip()))]
    if not found:
        return ""
    name, message = found[-1].group(1), (found[-1].group(2) or "").strip()
    return message if name == "ValueError" and message else f"{name}: {message}".removesuffix(": ")


def _log(endpoints: Endpoints, run_id: str, node: Mapping[str, Any]) -> str:
    """Return the log of a step: from its pod, or from the object store once the pod is gone."""
    api: Any = client.CoreV1Api(config.new_client_from_config(endpoints.kubeconfig))
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
