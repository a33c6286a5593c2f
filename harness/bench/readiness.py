"""Measures how long an InferenceService takes from being applied to being ready."""

import time

from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_service import copy_under_name
from workloads.serving.inference_services import InferenceServices, conditions, is_ready
from workloads.wait import wait_for

_NAME = "bench"
_READY_SECONDS = 120


def measure_apply_to_ready(endpoints: Endpoints, model_name: str) -> float:
    """Apply a copy of a served model, return the seconds until it is ready, and delete the copy.

    Raises:
        WorkloadsError: the model is not served, or the copy was not ready in time.
    """
    services = InferenceServices(endpoints)
    served = services.of_model(model_name)
    if served is None:
        raise WorkloadsError(f"model {model_name}: is not served; run `make demo` first")
    began = time.monotonic()
    services.create_or_patch(copy_under_name(served, _NAME))
    try:

        def unready() -> str | None:
            service = services.get(_NAME) or {}
            return None if is_ready(service) else str(conditions(service))

        wait_for("inference service", unready, timeout_seconds=_READY_SECONDS, interval_seconds=0.1)
        return time.monotonic() - began
    finally:
        services.delete(_NAME)
