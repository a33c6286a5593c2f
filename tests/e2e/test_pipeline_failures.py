"""Runs that must not succeed: they say why, and nothing is registered or served."""

from collections.abc import Generator
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e import chain
from workloads import datasets, lineage, object_store, pipeline_runs
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

# Trains whole models again: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = pytest.mark.slow


@pytest.fixture
def nothing_changes(endpoints: Endpoints) -> Generator[None]:
    """The registry and the served wine model are the same afterwards."""
    versions = chain.versions(endpoints, "wine")
    service: Any = lineage.inference_service(endpoints, "wine")
    yield
    assert chain.versions(endpoints, "wine") == versions
    after: Any = lineage.inference_service(endpoints, "wine")
    assert after["spec"] == service["spec"]
    assert after["metadata"]["annotations"] == service["metadata"]["annotations"]


@pytest.mark.usefixtures("nothing_changes")
def test_a_model_below_the_gate_is_neither_registered_nor_served(endpoints: Endpoints) -> None:
    run = chain.ended(endpoints, chain.submitted(endpoints, "wine", minimum_accuracy=1.01))
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: gate: accuracy ")
    assert run.reason.endswith(" is below 1.0100; nothing is registered")
    began = {step.name for step in run.steps}
    assert not began & {"register", "deploy", "smoke"}


@pytest.mark.usefixtures("nothing_changes")
def test_a_failing_step_ends_the_run_with_its_reason(endpoints: Endpoints) -> None:
    key = "data/red.csv"
    body = b"size,kind\n1,a\n2,b\nred,a\n"
    object_store.pipelines_store(endpoints).put_object(Bucket=endpoints.pipelines_bucket, Key=key, Body=body)
    data = f"s3://{endpoints.pipelines_bucket}/{key}"
    reason = "data line 4: feature 'size' is 'red', not a number; encode, fill or drop it"
    with pytest.raises(WorkloadsError, match=reason):
        datasets.prepare(endpoints, data, "kind")
    # Somebody who submits without asking first learns the same from the run.
    dataset = Dataset(data=data, sha256="", target="kind")
    run_id = pipeline_runs.submit(endpoints, chain.PIPELINE, pipeline_runs.parameters(dataset))
    run = chain.ended(endpoints, run_id)
    assert (run.state, run.reason) == ("FAILED", f"validate-data: {reason}")
    assert "train" not in {step.name for step in run.steps}
    assert lineage.inference_service(endpoints, "red") is None


def test_data_that_changed_since_it_was_submitted_is_refused(endpoints: Endpoints) -> None:
    dataset = replace(datasets.prepare(endpoints, "wine", "target"), sha256="0" * 64)
    run_id = pipeline_runs.submit(endpoints, chain.PIPELINE, pipeline_runs.parameters(dataset))
    run = chain.ended(endpoints, run_id)
    assert run.state == "FAILED"
    assert run.reason.startswith("load-data: data wine: has SHA-256 ")


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
