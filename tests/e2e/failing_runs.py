"""Runs of the reference pipeline that must fail, and what must be the same when they have."""

from dataclasses import dataclass, replace
from typing import Any, Self

from harness import chain
from workloads import datasets, lineage, pipeline_runs
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.pipeline_runs import PipelineRun

# Not the data of other journeys' runs: these change what is registered and served.
_DATA = "breast_cancer"
_RED = b"size,kind\n1,a\n2,b\nred,a\n"


@dataclass(frozen=True, kw_only=True)
class FailingRuns:
    """Runs begun together, as each mostly waits."""

    endpoints: Endpoints
    run_ids: dict[str, str]
    """By what is wrong with each."""
    red_data: str
    """Where a file lies in which a number is a word."""
    known_before: tuple[list[int], Any]
    """Of the model that some of them are for: its versions, and what is served."""

    @classmethod
    def submitted(cls, endpoints: Endpoints) -> Self:
        """Submit them all."""
        red_data = chain.uploaded(endpoints, "red.csv", _RED)
        changed = replace(datasets.prepare(endpoints, _DATA, "target"), sha256="0" * 64)
        # Somebody who submits without asking first learns from the run what `prepare` would have said.
        unasked = Dataset(data=red_data, sha256="", target="kind")
        known = _known(endpoints)
        runs = {
            "below the gate": chain.submitted(endpoints, _DATA, minimum_accuracy=1.01),
            "not a number": _submitted(endpoints, unasked),
            "changed since": _submitted(endpoints, changed),
        }
        return cls(endpoints=endpoints, run_ids=runs, red_data=red_data, known_before=known)

    def ended(self, which: str) -> PipelineRun:
        """Wait for the end of one."""
        return chain.ended(self.endpoints, self.run_ids[which])

    def known_now(self) -> tuple[list[int], Any]:
        """Return what `known_before` must still be."""
        return _known(self.endpoints)


def _submitted(endpoints: Endpoints, dataset: Dataset) -> str:
    return pipeline_runs.submit(endpoints, chain.PIPELINE, pipeline_runs.parameters(dataset))


def _known(endpoints: Endpoints) -> tuple[list[int], Any]:
    name = datasets.model_name(_DATA)
    service: Any = lineage.inference_service(endpoints, name)
    served = service and (service["spec"], service["metadata"].get("annotations"))
    return chain.versions(endpoints, name), served
