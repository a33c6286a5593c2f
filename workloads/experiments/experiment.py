"""One search as an Experiment of Katib: its trials are Jobs that look like the step which searches.

Embedded in the step that searches, with the modules that it imports from here.
"""

import base64
import json
import os
import signal
import sys
import zlib
from collections.abc import Mapping
from typing import Any

from workloads.experiments.engines import EXPERIMENTS
from workloads.experiments.proposals import parameter_specs, proposed_name, searched
from workloads.steps.choices import ERRORS
from workloads.steps.search_spaces import Bounds

MOST_TRIAL_SECONDS = 1800
"""A trial ends after these, also one whose pod does not start."""
_TRIAL_CONTAINER = "trial"
_PATIENCE_SECONDS = MOST_TRIAL_SECONDS + 300
_QUEUE = "kueue.x-k8s.io/queue-name"
# Of the step's environment: the tracking server, and settings of libraries.
_PASSED_ON = ("MLFLOW_", "OMP_", "OPENBLAS_")
_RUN_PACKED = "import base64, sys, zlib; exec(zlib.decompress(base64.b64decode(sys.argv[1])), globals())"


def packed(program: str) -> str:
    """Return a program as one short argument, in which Katib finds no placeholder of its own."""
    return base64.b64encode(zlib.compress(program.encode(), 9)).decode()


def trial_job(
    step: Mapping[str, Any],
    program: str,
    settings: Mapping[str, Any],
    space: Mapping[str, Bounds],
    label: str,
) -> dict[str, Any]:
    """Return the Job of a trial, in which Katib replaces the placeholders.

    Args:
        step: The pod of the step that searches: its image, size, security context and nodes are the trial's.
        program: Python source that ends by running the trial.
        settings: What all trials of the search have in common.
        space: Bounds of each parameter.
        label: Label by which network policies know a trial.
    """
    (main,) = [each for each in step["spec"]["containers"] if each["name"] == "main"]
    names = [proposed_name(name, bounds) for name, bounds in searched(space).items()]
    proposed = ", ".join(f'"{each}": ${{trialParameters.{each}}}' for each in names)
    queue = step["metadata"].get("labels", {}).get(_QUEUE)
    container = {
        "name": _TRIAL_CONTAINER,
        "image": main["image"],
        "imagePullPolicy": "IfNotPresent",
        "command": ["python3", "-c", _RUN_PACKED, packed(program)],
        "args": ["${trialParameters.trialName}", f"{{{proposed}}}", json.dumps(settings)],
        "env": [
            each
            for each in main.get("env", [])
            if each["name"].startswith(_PASSED_ON)
            and ("value" in each or "configMapKeyRef" in each["valueFrom"])
        ],
        # The last line of a trial that fails is its reason.
        "terminationMessagePolicy": "FallbackToLogsOnError",
        **{key: main[key] for key in ("resources", "securityContext") if key in main},
    }
    kept = {key: step["spec"][key] for key in ("securityContext", "nodeSelector") if key in step["spec"]}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        **({"metadata": {"labels": {_QUEUE: queue}}} if queue else {}),
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": MOST_TRIAL_SECONDS,
            "template": {
                "metadata": {"labels": {label: "${trialParameters.trialName}"}},
                "spec": {
                    **kept,
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "restartPolicy": "Never",
                    "containers": [container],
                },
            },
        },
    }


def experiment_of(
    name: str,
    step: Mapping[str, Any],
    job: Mapping[str, Any],
    space: Mapping[str, Bounds],
    *,
    objective: str,
    sampler: str,
    trials: int,
    seed: int,
) -> dict[str, Any]:
    """Return the Experiment of a search, which ends with the pod of its step.

    Trials run one after another: with two at once, the sampler would learn of them in whatever order they
    end, and equal seeds would not give equal trials. The first one that fails ends the search.
    """
    parameters = parameter_specs(space)
    names = [each["name"] for each in parameters]
    pod = step["metadata"]
    return {
        "apiVersion": f"{EXPERIMENTS['group']}/{EXPERIMENTS['version']}",
        "kind": "Experiment",
        "metadata": {
            "name": name,
            "ownerReferences": [
                {"apiVersion": "v1", "kind": "Pod", "name": pod["name"], "uid": pod["uid"]},
            ],
        },
        "spec": {
            "objective": {
                "type": "minimize" if objective in ERRORS else "maximize",
                "objectiveMetricName": objective,
                "metricStrategies": [{"name": objective, "value": "latest"}],
            },
            "algorithm": {
                "algorithmName": sampler,
                "algorithmSettings": [{"name": "random_state", "value": str(seed)}],
            },
            "parallelTrialCount": 1,
            "maxTrialCount": trials,
            "maxFailedTrialCount": 0,
            "resumePolicy": "Never",
            "metricsCollectorSpec": {"collector": {"kind": "Push"}},
            "parameters": parameters,
            "trialTemplate": {
                "primaryContainerName": _TRIAL_CONTAINER,
                "successCondition": 'status.conditions.#(type=="Complete")#|#(status=="True")#',
                "failureCondition": 'status.conditions.#(type=="Failed")#|#(status=="True")#',
                "trialParameters": [
                    {"name": "trialName", "reference": "${trialSpec.Name}"},
                    *({"name": each, "reference": each} for each in names),
                ],
                "trialSpec": job,
            },
        },
    }


def own_pod(namespace: str) -> dict[str, Any]:
    """Return the pod of this step."""
    from kubernetes import client

    api: Any = client.CoreV1Api()
    found = api.read_namespaced_pod(os.environ["KFP_POD_NAME"], namespace)
    plain: Any = client.ApiClient().sanitize_for_serialization(found)
    return plain


def run_experiment(body: Mapping[str, Any], namespace: str) -> str:
    """Create an experiment, wait until it is over and delete it; return why it has failed, or nothing.

    Raises:
        RuntimeError: it is gone, or nothing has moved for longer than a trial may take; one line.
    """
    from kubernetes import client

    api: Any = client.CustomObjectsApi()
    where = {**EXPERIMENTS, "namespace": namespace}
    name = body["metadata"]["name"]
    # A run that is terminated ends its step so; without this nothing would be deleted.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(f"experiment {name}: terminated"))
    api.create_namespaced_custom_object(**where, body=body)
    try:
        return _wait_for_end(api, where, name, body["spec"]["maxTrialCount"])
    finally:
        # With it go its trials, their Jobs, and the pod that proposes parameters.
        api.delete_namespaced_custom_object(**where, name=name)


def _wait_for_end(api: Any, where: Mapping[str, str], name: str, trials: int) -> str:
    import time

    from kubernetes import watch

    moved = None
    until = time.monotonic() + _PATIENCE_SECONDS
    while (left := until - time.monotonic()) > 0:
        changes: Any = watch.Watch().stream(
            api.list_namespaced_custom_object,
            **where,
            field_selector=f"metadata.name={name}",
            timeout_seconds=max(1, round(min(left, 240))),
        )
        for change in changes:
            if change["type"] == "DELETED":
                raise RuntimeError(f"experiment {name}: somebody has deleted it; run the pipeline again")
            status = change["object"].get("status", {})
            for condition in status.get("conditions", []):
                if condition["status"] == "True" and condition["type"] in ("Succeeded", "Failed"):
                    return condition["message"] if condition["type"] == "Failed" else ""
            state = [status.get(f"trials{each}", 0) for each in ("", "Running", "Succeeded")]
            if state != moved:
                if moved is None or state[2] != moved[2]:
                    print(f"experiment {name}: {state[2]} of {trials} trials are complete", flush=True)
                moved = state
                until = time.monotonic() + _PATIENCE_SECONDS
    raise RuntimeError(
        f"experiment {name}: nothing has moved for {_PATIENCE_SECONDS} s with {(moved or [0, 0, 0])[2]} of "
        f"{trials} trials complete; is Katib running, and is there room for a trial in {where['namespace']}?"
    )
