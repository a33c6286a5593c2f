"""Runs that must not succeed: they say why, and nothing is registered or served."""

import pytest

from tests.e2e.failing_runs import FailingRuns
from workloads import datasets, lineage
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

# Trains whole models again: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.fault]


def test_a_model_below_the_gate_is_neither_registered_nor_served(failing: FailingRuns) -> None:
    run = failing.ended("below the gate")
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: gate: accuracy ")
    assert run.reason.endswith(" is below 1.0100; nothing is registered")
    began = {step.name for step in run.steps}
    assert not began & {"register", "deploy", "smoke"}
    assert failing.known_now() == failing.known_before


def test_a_failing_step_ends_the_run_with_its_reason(endpoints: Endpoints, failing: FailingRuns) -> None:
    reason = "data line 4: feature 'size' is 'red', not a number; encode, fill or drop it"
    with pytest.raises(WorkloadsError, match=reason):
        datasets.prepare(endpoints, failing.red_data, "kind")
    run = failing.ended("not a number")
    assert (run.state, run.reason) == ("FAILED", f"validate-data: {reason}")
    assert "train" not in {step.name for step in run.steps}
    assert lineage.inference_service(endpoints, "red") is None


def test_data_that_changed_since_it_was_submitted_is_refused(failing: FailingRuns) -> None:
    run = failing.ended("changed since")
    assert run.state == "FAILED"
    assert run.reason.startswith("load-data: data breast_cancer: has SHA-256 ")
    assert failing.known_now() == failing.known_before


@pytest.mark.parametrize(
    ("data", "target", "reason"),
    [
        ("whine", "target", "data whine: unknown; give wine, breast_cancer or s3://bucket/key.csv"),
        ("wine", "colour", "data: no column 'colour' among alcohol, "),
        ("s3://{bucket}/none.csv", "target", "data s3://{bucket}/none.csv: cannot be read (NoSuchKey)"),
    ],
)
def test_what_can_be_known_before_is_said_before(
    endpoints: Endpoints, data: str, target: str, reason: str
) -> None:
    bucket = endpoints.pipelines_bucket
    with pytest.raises(WorkloadsError) as refused:
        datasets.prepare(endpoints, data.format(bucket=bucket), target)
    assert str(refused.value).startswith(reason.format(bucket=bucket))
