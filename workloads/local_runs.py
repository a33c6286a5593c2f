"""Pipeline runs on this machine, by Kubeflow's own local runner: each step is a process."""

import io
import re
import tempfile
import time
import uuid
from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from typing import Any, Final

import yaml
from kfp import components, local

from workloads import failure_reasons
from workloads.pipeline_runs import SUCCEEDED, PipelineRun, Step
from workloads.pipelines.compiled import compiled

_COLOUR: Final = re.compile(r"\x1b\[\d+m")
_BEGINS: Final = re.compile(r"Executing task '([^']+)'")
_ENDS: Final = re.compile(r"Task '([^']+)' finished with status (SUCCESS|FAILURE)")
_PHASES: Final = {"SUCCESS": "Succeeded", "FAILURE": "Failed"}


def run(
    name: str, arguments: Mapping[str, Any], image: str, *, show: Callable[[tuple[Step, ...]], None]
) -> PipelineRun:
    """Run a pipeline to its end; its steps get the environment of this process and that of their containers.

    Args:
        name: The pipeline.
        arguments: Inputs of the pipeline.
        image: What the steps record as their image; the runner wants it to be a Python.
        show: Called with the steps that have started, at each start and end.
    """
    run_id = str(uuid.uuid4())
    spec, _ = compiled(name, image)
    for step, executor in spec["deploymentSpec"]["executors"].items():
        _put_environment_into_command(executor["container"], run_id, step.removeprefix("exec-"))
    transcript = Transcript(show)
    began = time.monotonic()
    state, reason = SUCCEEDED, ""
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(transcript):
        local.init(runner=local.SubprocessRunner(use_venv=False), pipeline_root=folder)
        pipeline: Any = components.load_component_from_text(yaml.safe_dump(spec))
        try:
            pipeline(**arguments)
        except RuntimeError as error:
            failed = transcript.steps[-1].name if transcript.steps else name
            state = "FAILED"
            reason = f"{failed}: {failure_reasons.reason(str(error), transcript.log)}"
    return PipelineRun(
        run_id=run_id,
        state=state,
        reason=reason,
        seconds=time.monotonic() - began,
        steps=tuple(transcript.steps),
    )


def _put_environment_into_command(container: dict[str, Any], run_id: str, step: str) -> None:
    """Set the variables of a container in its command: the local runner ignores them."""
    variables = {each["name"]: each["value"] for each in container.get("env", [])}
    # On a cluster the platform sets these, from the pod's own record.
    variables |= {"KFP_RUN_ID": run_id, "KFP_POD_NAME": f"{step}-{run_id}"}
    container["command"] = [
        "env",
        *(f"{key}={value}" for key, value in variables.items()),
        *container["command"],
    ]


class Transcript(io.TextIOBase):
    """What the local runner prints, from which it alone tells when a step starts and ends."""

    def __init__(
        self,
        show: Callable[[tuple[Step, ...]], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with no step."""
        self.steps: list[Step] = []
        self.log = ""
        """What the last step printed."""
        self._show = show
        self._clock = clock
        self._began = 0.0
        self._line = ""

    def writable(self) -> bool:
        """Return that it can be written to."""
        return True

    def write(self, text: str, /) -> int:
        """Read whole lines."""
        *lines, self._line = (self._line + text).split("\n")
        for line in lines:
            self._read(_COLOUR.sub("", line))
        return len(text)

    def _read(self, line: str) -> None:
        if begins := _BEGINS.search(line):
            self._began, self.log = self._clock(), ""
            self.steps.append(Step(name=begins[1], phase="Running", cached=False, seconds=0.0))
        elif (ends := _ENDS.search(line)) and self.steps and self.steps[-1].name == ends[1]:
            self.steps[-1] = Step(
                name=ends[1], phase=_PHASES[ends[2]], cached=False, seconds=self._clock() - self._began
            )
        else:
            self.log += f"{line}\n"
            return
        self._show(tuple(self.steps))
