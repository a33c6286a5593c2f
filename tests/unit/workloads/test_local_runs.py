"""Pipelines by Kubeflow's local runner: outcomes, the reason of a failure, the environment of a step."""

# A call of a step names its inputs; Kubeflow adds its outputs.
# pyright: reportCallIssue=false, reportUntypedFunctionDecorator=false

import io
import json
import logging
import os
from pathlib import Path
from typing import Any

import pytest
from kfp import dsl, kubernetes

from workloads import local_runs
from workloads.local_runs import Transcript
from workloads.pipeline_runs import Step
from workloads.pipelines import compiled

_PYTHON = "python"


@dsl.component(base_image=_PYTHON, install_kfp_package=False)
def first(folder: str) -> str:
    import json
    import os
    from pathlib import Path

    (Path(folder) / "environment.json").write_text(json.dumps(dict(os.environ)))
    print("Task 'other' finished with status FAILURE")
    return "done"


@dsl.component(base_image=_PYTHON, install_kfp_package=False)
def second(text: str, fail: bool) -> None:
    if fail:
        raise ValueError(f"gate: {text} is not enough")


@dsl.pipeline(name="two-steps")
def two_steps(folder: str, fail: bool = False) -> None:
    begun: Any = first(folder=folder)
    kubernetes.use_field_path_as_env(begun, "KFP_RUN_ID", "metadata.labels['pipeline/runid']")
    begun.container_spec.env = {"KFP_TASK": begun.name, "OF_THE_SPEC": "a b"}
    second(text=begun.output, fail=fail)


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Step, ...]]:
    monkeypatch.setitem(compiled.PIPELINES, "two_steps", two_steps)
    return []


def test_steps_run_in_order_with_the_environment_of_their_containers(
    shown: list[tuple[Step, ...]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("OF_THIS_PROCESS", "c")
    run = local_runs.run("two_steps", {"folder": str(tmp_path)}, _PYTHON, show=shown.append)
    assert (run.state, run.reason) == ("SUCCEEDED", "")
    assert [(each.name, each.phase) for each in run.steps] == [
        ("first", "Succeeded"),
        ("second", "Succeeded"),
    ]
    assert all(0 < each.seconds < run.seconds for each in run.steps)
    assert [[each.phase for each in steps] for steps in shown] == [
        ["Running"],
        ["Succeeded"],
        ["Succeeded", "Running"],
        ["Succeeded", "Succeeded"],
    ]
    found = json.loads((tmp_path / "environment.json").read_text())
    assert found["KFP_RUN_ID"] == run.run_id
    assert found["KFP_POD_NAME"] == f"first-{run.run_id}"
    assert (found["KFP_TASK"], found["OF_THE_SPEC"], found["OF_THIS_PROCESS"]) == ("first", "a b", "c")
    assert "KFP_RUN_ID" not in os.environ
    # The runner's own words are not for the user.
    assert capsys.readouterr().out == ""


def test_a_failure_ends_the_run_with_the_reason_of_the_step(
    shown: list[tuple[Step, ...]], tmp_path: Path
) -> None:
    arguments = {"folder": str(tmp_path), "fail": True}
    run = local_runs.run("two_steps", arguments, _PYTHON, show=shown.append)
    assert (run.state, run.reason) == ("FAILED", "second: gate: done is not enough")
    assert run.steps[-1].phase == "Failed"


def test_the_log_is_that_of_the_last_step() -> None:
    transcript = Transcript(lambda _: None, clock=iter(range(10)).__next__)
    for text in ("Executing task 'a'\nof ", "a\n", "Task 'a' finished with status SUCCESS\n"):
        transcript.write(text)
    assert transcript.log == "of a\n"
    transcript.write("\x1b[96mExecuting\x1b[0m task \x1b[96m'b'\x1b[0m\nof b\n")
    assert transcript.log == "of b\n"
    assert transcript.steps == [
        Step(name="a", phase="Succeeded", cached=False, seconds=1),
        Step(name="b", phase="Running", cached=False, seconds=0.0),
    ]


def test_a_transcript_is_a_stream_for_loggers() -> None:
    transcript = Transcript(lambda _: None)
    assert isinstance(transcript, io.TextIOBase)
    handler = logging.StreamHandler(transcript)
    handler.emit(logging.LogRecord("x", logging.INFO, "", 0, "Executing task 'a'", None, None))
    assert [each.name for each in transcript.steps] == ["a"]
