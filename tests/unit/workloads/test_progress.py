"""Progress of a pipeline run."""

import io

from workloads.pipeline_runs import Step
from workloads.progress import StepProgress


def step(name: str, phase: str, seconds: float = 7.0, *, cached: bool = False) -> Step:
    return Step(name=name, phase=phase, cached=cached, seconds=seconds)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_log_has_each_step_once_when_it_has_ended() -> None:
    stream = io.StringIO()
    progress = StepProgress(stream)
    progress.show([step("train", "Running")])
    progress.show([step("train", "Succeeded"), step("evaluate", "Running")])
    ended = [step("train", "Succeeded"), step("evaluate", "Failed", cached=True)]
    progress.end(ended)
    assert stream.getvalue().splitlines() == [
        "  train          Succeeded     7.0 s",
        "  evaluate       Failed        7.0 s  cached",
    ]


def test_a_terminal_also_shows_running_steps_and_ends_clear() -> None:
    stream = Terminal()
    moments = iter([0.0, 3.0, 5.0, 6.0])
    progress = StepProgress(stream, clock=lambda: next(moments))
    progress.show([step("train", "Running"), step("evaluate", "Pending")])
    progress.show([step("train", "Succeeded")])
    shown = stream.getvalue().split("\r\x1b[K")[1:]
    assert shown == [
        "  train, evaluate, 3 s",
        "  train          Succeeded     7.0 s\n",
        "  between steps, 5 s",
    ]
    progress.end([step("train", "Succeeded")])
    assert stream.getvalue().endswith("\r\x1b[K")


def test_what_keeps_a_step_from_starting_is_told_once() -> None:
    stream = io.StringIO()
    progress = StepProgress(stream)
    waiting = Step(name="train", phase="Pending", cached=False, seconds=0, waits="Unschedulable: no GPU")
    progress.show([waiting])
    progress.show([waiting])
    assert stream.getvalue() == "  train          waits: Unschedulable: no GPU\n"
