"""Runs that must fail: they report the reason, and nothing is registered or served."""

import pytest

from tests.e2e.failing_runs import FailingRuns
from workloads import datasets
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError
from workloads.serving.inference_services import InferenceServices

# Trains models again: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.fault]


def test_a_model_below_the_gate_is_neither_registered_nor_served(failing: FailingRuns) -> None:
    run = failing.wait_for("below the gate")
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: gate: accuracy ")
    assert run.reason.endswith(" is below 1.0100; nothing is registered")
    began = {step.name for step in run.steps}
    assert not began & {"register", "deploy", "smoke"}
    assert failing.read_state() == failing.state_before


def test_a_failing_step_ends_the_run_with_its_reason(endpoints: Endpoints, failing: FailingRuns) -> None:
    reason = "data line 4: feature 'size' is 'red', not a number; encode, fill or drop it"
    with pytest.raises(WorkloadsError, match=reason):
        datasets.prepare(endpoints, failing.red_data, "kind")
    run = failing.wait_for("not a number")
    assert (run.state, run.reason) == ("FAILED", f"validate-data: {reason}")
    assert "train" not in {step.name for step in run.steps}
    assert InferenceServices(endpoints).versions_of(datasets.model_name(failing.red_data)) == []


def test_data_that_changed_since_it_was_submitted_is_refused(failing: FailingRuns) -> None:
    run = failing.wait_for("changed since")
    assert run.state == "FAILED"
    assert run.reason.startswith("load-data: data breast_cancer: has SHA-256 ")
    assert failing.read_state() == failing.state_before


@pytest.mark.parametrize(
    ("data", "target", "reason"),
    [
        ("whine", "target", "data whine: unknown; give wine, breast_cancer or s3://bucket/key.csv"),
        ("wine", "colour", "data: no column 'colour' among alcohol, "),
        ("s3://{bucket}/none.csv", "target", "data s3://{bucket}/none.csv: cannot be read (NoSuchKey)"),
    ],
)
def test_bad_data_is_reported_before_anything_is_submitted(
    endpoints: Endpoints, data: str, target: str, reason: str
) -> None:
    bucket = endpoints.pipelines_bucket
    with pytest.raises(WorkloadsError) as refused:
        datasets.prepare(endpoints, data.format(bucket=bucket), target)
    assert str(refused.value).startswith(reason.format(bucket=bucket))
