"""ModelRollouts: the request to serve another version of a model, and how far it is.

Embedded in the step that asks for one. A controller moves the requests (`delivery.rollouts`).
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Any, Final

from workloads.contract import MODEL_LABEL, ROLLOUT_API, ROLLOUT_KIND


class Phase(StrEnum):
    """Where a rollout is."""

    PENDING = "Pending"
    """Waits for its version to be ready, or for an earlier rollout of the model."""
    SHADOW = "Shadow"
    """Its version answers recorded rows, for nobody, and is compared with the one that serves."""
    PAUSED = "Paused"
    """Waits for somebody's approval."""
    PROGRESSING = "Progressing"
    """Its version gets a share of the requests, and is judged."""
    BAKING = "Baking"
    """Its version gets all requests and is champion; the former one runs on, for a way back."""
    PROMOTED = "Promoted"
    ROLLED_BACK = "RolledBack"


BEFORE_CALLERS: Final = (Phase.PENDING, Phase.SHADOW, Phase.PAUSED)
"""Phases in which the version gets no request."""
ENDED: Final = (Phase.PROMOTED, Phase.ROLLED_BACK)
SERVES: Final = (Phase.BAKING, Phase.PROMOTED)
"""Phases in which the version gets every request."""


def rollout_body(
    name: str,
    namespace: str,
    *,
    model_name: str,
    version: str,
    digest: str,
    reason: str,
    steps: Sequence[Mapping[str, Any]] | None = None,
    options: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Return a ModelRollout.

    Args:
        name: Its name.
        namespace: Namespace of the models.
        model_name: The registered model.
        version: The version that shall serve.
        digest: Digest of its files.
        reason: Why it is rolled out, for the record.
        steps: Shares of the requests, in percent, and the least seconds of each; none at once for all of
            them. Without steps those of the stack are taken.
        options: Further fields of the spec, such as `deadlineSeconds`.
    """
    spec: dict[str, Any] = {
        "modelName": model_name,
        "version": version,
        "digest": digest,
        "reason": reason,
        **(options or {}),
    }
    if steps is not None:
        spec["steps"] = [dict(each) for each in steps]
    return {
        "apiVersion": "/".join(ROLLOUT_API),
        "kind": ROLLOUT_KIND,
        "metadata": {"name": name, "namespace": namespace, "labels": {MODEL_LABEL: model_name}},
        "spec": spec,
    }


def rollout_phase(rollout: Mapping[str, Any]) -> Phase:
    """Return the phase of a rollout; one that the controller has not seen yet is pending."""
    return Phase(rollout.get("status", {}).get("phase", Phase.PENDING))


def rollout_reason(rollout: Mapping[str, Any]) -> str:
    """Return what the controller says of a rollout."""
    return rollout.get("status", {}).get("reason") or "the delivery controller has not seen it yet"
