"""Why a step failed, as its log and its workflow tell it."""

import pytest

from tests.fixtures.step_logs import FAILED_STEP
from workloads import failure_reasons


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("ValueError: data: no column 'kind' among a, b", "data: no column 'kind' among a, b"),
        ("RuntimeError: model m-1: differs", "RuntimeError: model m-1: differs"),
        ("mlflow.exceptions.MlflowException: no: such run", "MlflowException: no: such run"),
        ("MemoryError", "MemoryError"),
    ],
)
def test_the_reason_is_the_last_exception_of_the_log(line: str, reason: str) -> None:
    assert failure_reasons.exception_in(FAILED_STEP.format(line)) == reason


def test_a_log_without_exception_has_no_reason() -> None:
    assert failure_reasons.exception_in("all is well\n") == ""


PIP = """Looking in indexes: http://package-index.kube-system:3141/simple/
ERROR: Could not find a version that satisfies the requirement humanize==4.9.0 (from versions: none)
ERROR: No matching distribution found for humanize==4.9.0
"""
NAN = """[KFP Executor 2026-01-01] INFO: done
F0101 10:00:00.123456      26 main.go:56] failed to execute component: proto: (line 1:40): invalid value NaN
"""


@pytest.mark.parametrize(
    ("message", "log", "reason"),
    [
        ("main: Error (exit code 1)", PIP, "No matching distribution found for humanize==4.9.0"),
        (
            "main: Error (exit code 1)",
            NAN,
            "failed to execute component: proto: (line 1:40): invalid value NaN",
        ),
        (
            "main: OOMKilled (exit code 137)",
            "Killed\n",
            "out of memory: it needed more than its memory limit (OOMKilled)",
        ),
        (f"main: Error (exit code 1): {PIP}", "", "No matching distribution found for humanize==4.9.0"),
        (
            "did not start within 4m0s:\nImagePullBackOff: x",
            "",
            "did not start within 4m0s: ImagePullBackOff: x",
        ),
        ("", "", "no message"),
    ],
)
def test_the_cause_is_named_in_one_line(message: str, log: str, reason: str) -> None:
    assert failure_reasons.reason(message, log) == reason


@pytest.mark.parametrize("message", ["", "ContainerCreating", "PodInitializing"])
def test_a_pod_that_is_about_to_start_waits_for_nothing(message: str) -> None:
    assert failure_reasons.waiting(message) == ""


def test_a_reason_is_not_longer_than_people_read() -> None:
    assert len(failure_reasons.reason("x " * 5000, "")) == 601
