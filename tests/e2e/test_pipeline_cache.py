"""A second run on the same data: cached steps are reused, and the lineage is still complete."""

from collections.abc import Callable

import pytest

from harness import chain
from workloads import lineage
from workloads.endpoints import Endpoints
from workloads.serving.inference_services import InferenceServices

# Trains models again: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = pytest.mark.slow


def test_a_second_run_on_the_same_data_uses_the_cache_and_is_traceable(
    endpoints: Endpoints, record_property: Callable[[str, object], None]
) -> None:
    if InferenceServices(endpoints).of_model("breast-cancer") is None:
        chain.run(endpoints, "breast_cancer")
    first = lineage.trace(endpoints, "breast-cancer")
    run = chain.run(endpoints, "breast_cancer")
    cached = {step.name: step.cached for step in run.steps}
    assert cached == {
        "load-data": True,
        "validate-data": True,
        "train": True,
        "evaluate": False,
        "register": False,
        "deploy": False,
        "smoke": False,
    }
    second = lineage.trace(endpoints, "breast-cancer")
    assert second.pipeline_run_id == run.run_id != first.pipeline_run_id
    assert int(second.model_version) == int(first.model_version) + 1
    assert second.served.mlflow_run_id == first.served.mlflow_run_id, "it was trained again"
    assert lineage.broken_links(second) == []
    record_property("seconds of a cached chain", round(run.seconds, 1))
