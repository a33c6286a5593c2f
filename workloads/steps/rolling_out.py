"""Asks for the rollout of a version, and waits until it serves or its callers judge it.

Embedded in the step that has proven the version.
"""

# kubernetes ships no complete types.
# pyright: basic

import os
import time
from typing import Any

from workloads.contract import ROLLOUT_API, ROLLOUTS
from workloads.serving.model_rollout import (
    Phase,
    rollout_body,
    rollout_phase,
    rollout_reason,
)

_SECONDS = 180


def _objects() -> Any:
    from kubernetes import client, config

    # The account of the pod; on a laptop a kubeconfig stands for it.
    load = config.load_kube_config if "KUBECONFIG" in os.environ else config.load_incluster_config
    load()
    return client.CustomObjectsApi()


def rollout_name(model_name: str, version: str) -> str:
    """Return the name of this run's rollout: a step that is tried again asks for the same one."""
    return f"{model_name}-v{version}-{os.environ['KFP_RUN_ID'][:8]}"


def delete_version(namespace: str, model_name: str, version: str) -> None:
    """Delete the InferenceService of a version that is in no rollout of this run; one that is gone is fine.

    A step that is tried again may find its version serving already: then it is the controller's.
    """
    from kubernetes import client

    objects = _objects()
    try:
        objects.get_namespaced_custom_object(
            *ROLLOUT_API, namespace, ROLLOUTS, rollout_name(model_name, version)
        )
    except client.ApiException as error:
        if error.status != 404:
            raise
    else:
        return
    place = ("serving.kserve.io", "v1beta1", namespace, "inferenceservices", f"{model_name}-v{version}")
    try:
        objects.delete_namespaced_custom_object(*place)
    except client.ApiException as error:
        if error.status != 404:
            raise


def roll_out(
    namespace: str, model_name: str, version: str, digest: str, reason: str = "", *, replay: bool = True
) -> Phase:
    """Ask for a rollout and return its phase once it waits for nobody but callers and approval.

    Args:
        namespace: Of the model.
        model_name: The registered model.
        version: Its version.
        digest: Digest of the version's files.
        reason: Why, for the record.
        replay: Whether it must first answer recorded rows as the version does that serves.

    Raises:
        RuntimeError: it was rolled back; the text says why.
        TimeoutError: it was not decided in time.
    """
    from kubernetes import client

    objects, run_id = _objects(), os.environ["KFP_RUN_ID"]
    name = rollout_name(model_name, version)
    place = (*ROLLOUT_API, namespace, ROLLOUTS)
    body = rollout_body(
        name,
        namespace,
        model_name=model_name,
        version=version,
        digest=digest,
        reason=f"{reason}, pipeline run {run_id}" if reason else f"pipeline run {run_id}",
        options=None if replay else {"shadowRows": 0},
    )
    try:
        objects.create_namespaced_custom_object(*place, body)
    except client.ApiException as error:
        if error.status != 409:
            raise
    deadline = time.monotonic() + _SECONDS
    while True:
        rollout = objects.get_namespaced_custom_object(*place, name)
        phase = rollout_phase(rollout)
        if phase is Phase.ROLLED_BACK:
            raise RuntimeError(
                f"model {model_name}: version {version} is not served: {rollout_reason(rollout)}"
            )
        if phase not in (Phase.PENDING, Phase.SHADOW):
            return phase
        if time.monotonic() > deadline:
            raise TimeoutError(
                f"model {model_name}: version {version} is not rolled out after {_SECONDS} s: "
                f"{rollout_reason(rollout)}"
            )
        time.sleep(0.2)
