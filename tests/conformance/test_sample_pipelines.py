"""Upstream's sample pipelines end as they must, submitted by an unmodified kfp client."""

import pytest

from harness.conformance import sample_pipelines
from harness.conformance.sample_pipelines import Sample
from harness.conformance.sample_runs import SampleRuns


@pytest.mark.parametrize("sample", sample_pipelines.samples(), ids=lambda sample: sample.name)
def test_sample(sample: Sample, sample_runs: SampleRuns, request: pytest.FixtureRequest) -> None:
    if sample.fault:
        request.applymarker(pytest.mark.xfail(reason=sample.fault, strict=True))
    run = sample_runs.result(sample)
    assert run.state == sample.ends, f"{run.state}, expected {sample.ends}: {run.reason}"


@pytest.mark.parametrize(
    "reason", [pytest.param(why, id=name) for name, why in sorted(sample_pipelines.excepted().items())]
)
def test_sample_that_cannot_run_here(reason: str) -> None:
    pytest.skip(reason)
