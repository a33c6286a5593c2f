from tests.harness.stub_platform import stub_platform
from tests.unit.loadtests.conftest import LoadRun


def test_a_run_is_submitted_polled_to_its_end_and_deleted(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, said = load_run(stub, "pipelines-steady", "--once")
    assert (code, report["outcome"]) == (0, "passed"), said
    assert stub.requests == [
        "POST pipelines /apis/v2beta1/runs",
        "GET pipelines /apis/v2beta1/runs/pipeline-run-1",
        "DELETE pipelines /apis/v2beta1/runs/pipeline-run-1",
    ]


def test_a_run_that_does_not_succeed_is_a_failure(load_run: LoadRun) -> None:
    with stub_platform(run_state="FAILED") as stub:
        code, report, _ = load_run(stub, "pipelines-steady", "--once")
    assert (code, report["outcome"]) == (1, "failed")
    assert report["failures"][0]["what"] == "pipeline run ended FAILED"
    assert stub.requests[-1].startswith("DELETE")
