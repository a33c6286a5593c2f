"""Runs of the reference pipeline that must fail, and the state that they must not change."""

from dataclasses import dataclass, replace
from typing import Any, Self

from harness import chain
from workloads import datasets
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.pipeline_runs import PipelineRun
from workloads.serving.inference_services import InferenceServices

# Not the data of other journeys' runs, which change what is registered and served.
_DATA = "breast_cancer"
_RED = b"size,kind\n1,a\n2,b\nred,a\n"


@dataclass(frozen=True, kw_only=True)
class FailingRuns:
    """Runs that are submitted together, since each mostly waits."""

    endpoints: Endpoints
    run_ids: dict[str, str]
    """Ids by what is wrong with each run."""
    model_name: str
    """Model that some of them train."""
    red_data: str
    """Address of a file with a word in place of a number."""
    state_before: tuple[list[int], Any]
    """Versions and serving InferenceService of the model that some of them train."""

    @classmethod
    def submit(cls, endpoints: Endpoints) -> Self:
        """Submit all runs."""
        red_data = chain.upload(endpoints, "red.csv", _RED)
        good = datasets.prepare(endpoints, _DATA, "target")
        # Submitted without `prepare`, which would have reported the error at once.
        unchecked = Dataset(data=red_data, sha256="", target="kind")
        state = _read_state(endpoints, good.model_name)
        runs = {
            "below the gate": chain.submit(endpoints, good, minimum_accuracy=1.01),
            "not a number": chain.submit(endpoints, unchecked),
            "changed since": chain.submit(endpoints, replace(good, sha256="0" * 64)),
        }
        return cls(
            endpoints=endpoints,
            run_ids=runs,
            red_data=red_data,
            model_name=good.model_name,
            state_before=state,
        )

    def wait_for(self, which: str) -> PipelineRun:
        """Wait until one has ended."""
        return chain.wait_until_finished(self.endpoints, self.run_ids[which])

    def read_state(self) -> tuple[list[int], Any]:
        """Return what `state_before` must still be equal to."""
        return _read_state(self.endpoints, self.model_name)


def _read_state(endpoints: Endpoints, model_name: str) -> tuple[list[int], Any]:
    service = InferenceServices(endpoints).of_model(model_name)
    served = service and (service["spec"], service["metadata"].get("annotations"))
    return chain.versions(endpoints, model_name), served
