from typing import Any

from google.protobuf import json_format
from kfp.pipeline_spec import pipeline_spec_pb2

from tests.fixtures.load_runs import LoadRun
from tests.fixtures.stub_platform import stub_platform


def test_a_run_is_submitted_polled_to_its_end_and_deleted(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, errors = load_run(stub, "pipelines-steady", "--once")
    assert (code, report["outcome"]) == (0, "passed"), errors
    assert stub.requests == [
        "POST pipelines /apis/v2beta1/runs",
        "GET pipelines /apis/v2beta1/runs/pipeline-run-1",
        "DELETE pipelines /apis/v2beta1/runs/pipeline-run-1",
    ]


def test_what_is_submitted_is_a_pipeline_by_kubeflows_own_schema(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        load_run(stub, "pipelines-steady", "--once")
    # Generated code says nothing of its types.
    kubeflow: Any = pipeline_spec_pb2
    spec = json_format.ParseDict(stub.submitted[0]["pipeline_spec"], kubeflow.PipelineSpec())
    (executor,) = spec.deployment_spec["executors"].values()
    assert executor["container"]["image"] == "stub"
    assert list(spec.root.dag.tasks) == ["step"]
    assert not spec.root.dag.tasks["step"].caching_options.enable_cache


def test_a_run_that_does_not_succeed_is_a_failure(load_run: LoadRun) -> None:
    with stub_platform(run_state="FAILED") as stub:
        code, report, _ = load_run(stub, "pipelines-steady", "--once")
    assert (code, report["outcome"]) == (1, "failed")
    assert report["failures"][0]["what"] == "pipeline run ended FAILED"
    assert stub.requests[-1].startswith("DELETE")
