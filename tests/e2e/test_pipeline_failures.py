"""Runs that must not succeed: they say why, and nothing is registered or served."""

from collections.abc import Generator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from tests.e2e import chain
from workloads import datasets, lineage, object_store, pipeline_runs
from workloads.datasets import Dataset
from workloads.endpoints import Endpoints
from workloads.errors import WorkloadsError

# Trains whole models again: `make verify` and `make e2e` run it, `make test` does not.
pytestmark = [pytest.mark.slow, pytest.mark.fault]

_RED_KEY = "data/red.csv"
_RED = b"size,kind\n1,a\n2,b\nred,a\n"


def _red(endpoints: Endpoints) -> str:
    return f"s3://{endpoints.pipelines_bucket}/{_RED_KEY}"


@pytest.fixture(scope="module")
def failing(endpoints: Endpoints) -> Generator[Mapping[str, str]]:
    """Runs that must fail, begun together; the registry and the served wine model are the same afterwards."""
    versions = chain.versions(endpoints, "wine")
    service: Any = lineage.inference_service(endpoints, "wine")
    object_store.pipelines_store(endpoints).put_object(
        Bucket=endpoints.pipelines_bucket, Key=_RED_KEY, Body=_RED
    )
    changed = replace(datasets.prepare(endpoints, "wine", "target"), sha256="0" * 64)
    # Somebody who submits without asking first learns from the run what `prepare` would have said.
    unasked = Dataset(data=_red(endpoints), sha256="", target="kind")
    yield {
        "below the gate": chain.submitted(endpoints, "wine", minimum_accuracy=1.01),
        "not a number": _submitted(endpoints, unasked),
        "changed since": _submitted(endpoints, changed),
    }
    assert chain.versions(endpoints, "wine") == versions
    after: Any = lineage.inference_service(endpoints, "wine")
    assert after["spec"] == service["spec"]
    assert after["metadata"]["annotations"] == service["metadata"]["annotations"]


def _submitted(endpoints: Endpoints, dataset: Dataset) -> str:
    return pipeline_runs.submit(endpoints, chain.PIPELINE, pipeline_runs.parameters(dataset))


def test_a_model_below_the_gate_is_neither_registered_nor_served(
    endpoints: Endpoints, failing: Mapping[str, str]
) -> None:
    run = chain.ended(endpoints, failing["below the gate"])
    assert run.state == "FAILED"
    assert run.reason.startswith("evaluate: gate: accuracy ")
    assert run.reason.endswith(" is below 1.0100; nothing is registered")
    began = {step.name for step in run.steps}
    assert not began & {"register", "deploy", "smoke"}


def test_a_failing_step_ends_the_run_with_its_reason(
    endpoints: Endpoints, failing: Mapping[str, str]
) -> None:
    reason = "data line 4: feature 'size' is 'red', not a number; encode, fill or drop it"
    with pytest.raises(WorkloadsError, match=reason):
        datasets.prepare(endpoints, _red(endpoints), "kind")
    run = chain.ended(endpoints, failing["not a number"])
    assert (run.state, run.reason) == ("FAILED", f"validate-data: {reason}")
    assert "train" not in {step.name for step in run.steps}
    assert lineage.inference_service(endpoints, "red") is None


def test_data_that_changed_since_it_was_submitted_is_refused(
    endpoints: Endpoints, failing: Mapping[str, str]
) -> None:
    run = chain.ended(endpoints, failing["changed since"])
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
