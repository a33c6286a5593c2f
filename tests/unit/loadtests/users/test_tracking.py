from tests.fixtures.load_runs import LoadRun
from tests.fixtures.stub_platform import stub_platform


def test_runs_and_artifacts_are_logged_read_back_and_found(load_run: LoadRun) -> None:
    with stub_platform() as stub:
        code, report, errors = load_run(stub, "tracking-steady", "--once")
    assert (code, report["outcome"]) == (0, "passed"), errors
    assert {run["status"] for run in stub.runs.values()} == {"RUNNING", "FINISHED"}
    assert len(stub.artifacts) == 1
    assert stub.requests[-1] == "POST mlflow /api/2.0/mlflow/experiments/delete"


def test_an_artifact_that_differs_when_read_back_is_a_wrong_answer(load_run: LoadRun) -> None:
    class Forgetful(dict[str, bytes]):
        def __getitem__(self, name: str) -> bytes:
            return super().__getitem__(name)[:-1]

    with stub_platform(artifacts=Forgetful()) as stub:
        code, report, _ = load_run(stub, "tracking-steady", "--once")
    assert (code, report["outcome"]) == (1, "failed")
    assert report["failures"][0]["what"] == "wrong: an artifact differs from what was logged"
